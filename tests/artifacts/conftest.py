"""Places to keep artifacts, and makers of files that no library would write."""

import struct
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import obstore
import pytest
from obstore.store import S3Store

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Place:
    """Where a store keeps its blobs: its URL, and a way to damage one behind the store's back."""

    url: str
    damage: Callable[[str, bytes], object]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A running S3 server with the bucket `shelf`; its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    urllib.request.urlopen(urllib.request.Request(f"{address}/shelf", method="PUT")).close()
    yield address
    server.stop()


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.process)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "directory":
        return Place(
            str(tmp_path / "store"),
            lambda sha256, content: (tmp_path / "store/blobs" / sha256[:2] / sha256).write_bytes(content),
        )
    address = request.getfixturevalue("s3_server")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "for the test only")
    bucket = S3Store(
        "shelf",
        prefix=tmp_path.name,
        config={"endpoint": address, "region": "us-east-1"},
        client_options={"allow_http": True},
    )
    return Place(
        f"s3://shelf/{tmp_path.name}?endpoint={address}&region=us-east-1",
        lambda sha256, content: obstore.put(bucket, f"blobs/{sha256}", content),
    )


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_file(
    width: int,
    height: int,
    rows: bytes,
    *,
    depth: int = 8,
    color_type: int = 2,
    extra: Sequence[tuple[bytes, bytes]] = (),
) -> bytes:
    """A PNG of these filtered rows, with more chunks after its header."""
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return PNG_SIGNATURE + b"".join(png_chunk(*chunk) for chunk in chunks)


def tiff_file(
    strips: Sequence[bytes], tags: dict[int, tuple[str, Sequence[int]]], *, order: str = "<"
) -> bytes:
    """A one-page TIFF: tags by number as (struct code, values); strip offsets and lengths are added."""
    offsets = [8 + sum(map(len, strips[:index])) for index in range(len(strips))]
    entries = {273: ("I", offsets), 279: ("I", [len(strip) for strip in strips])} | tags
    start = 8 + sum(map(len, strips))
    values_at = start + 2 + 12 * len(entries) + 4
    directory, values = struct.pack(order + "H", len(entries)), b""
    for tag, (code, numbers) in sorted(entries.items()):
        packed = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        kind = {"B": 1, "H": 3, "I": 4}[code]
        if len(packed) > 4:
            where = struct.pack(order + "I", values_at + len(values))
            values += packed
        else:
            where = packed.ljust(4, b"\x00")
        directory += struct.pack(order + "HHI", tag, kind, len(numbers)) + where
    magic = b"II*\x00" if order == "<" else b"MM\x00*"
    return magic + struct.pack(order + "I", start) + b"".join(strips) + directory + bytes(4) + values


def tiff_of(
    pixels: np.ndarray, photometric: int, *, order: Literal["<", ">"] = "<", planar: int = 1
) -> bytes:
    """An uncompressed TIFF of 8- or 16-bit pixels."""
    height, width, channels = pixels.shape if pixels.ndim == 3 else (*pixels.shape, 1)
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    planes = [stored] if planar == 1 else [stored[..., channel] for channel in range(channels)]
    tags = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [pixels.itemsize * 8] * channels),
        259: ("H", [1]),
        262: ("H", [photometric]),
        277: ("H", [channels]),
        278: ("I", [height]),
        284: ("H", [planar]),
    }
    return tiff_file([plane.tobytes() for plane in planes], tags, order=order)


@dataclass(frozen=True)
class Makers:
    """File makers, for the tests of this folder."""

    png_chunk = staticmethod(png_chunk)
    png_file = staticmethod(png_file)
    tiff_file = staticmethod(tiff_file)
    tiff_of = staticmethod(tiff_of)


@pytest.fixture(scope="session")
def make() -> Makers:
    return Makers()
