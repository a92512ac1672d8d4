"""Files made to exhaust their reader: each is refused by its kind, in bounded memory."""

import functools
import io
import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.process

MAX_BOMB_BYTES = 2 * 2**20
EXIF_IN_A_RING = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIII", 0x8769, 4, 1, 8, 8)
MAX_GROWTH_MIB = 64  # above a process that has decoded one small picture of every format

# Decodes the files named on the command line one after the other; prints what became of each, and how far
# the process had grown by then.
READER = """
import io, json, re, sys, warnings
from pathlib import Path
import numpy as np
from PIL import Image
from editrefiner.artifacts import ImageLimits, decode_image
from editrefiner.contracts import ProblemError
warnings.simplefilter("ignore")  # a parser's complaints are not the matter here
def peak_mib():  # not ru_maxrss, which starts at the size of the parent
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
for form in ("PNG", "JPEG", "WEBP", "TIFF"):
    target = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(target, form)
    decode_image(target.getvalue(), ImageLimits())
base = peak_mib()
for path in map(Path, sys.argv[1:]):
    content = path.read_bytes()
    try:
        decoded = decode_image(content, ImageLimits(), name=path.name)
        answer = {"code": "", "detail": " ".join(decoded.warnings)}
    except ProblemError as exc:
        answer = {"code": str(exc.code), "detail": exc.detail}
    print(json.dumps({"name": path.name, "grown_mib": peak_mib() - base, **answer}), flush=True)
"""


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


@functools.cache
def deflated_zeros(count: int) -> bytes:
    """A zlib stream of so many zeros, made without holding them."""
    packer = zlib.compressobj(9)
    block = bytes(2**20)
    parts = [packer.compress(block) for _ in range(count // 2**20)]
    return b"".join(parts) + packer.compress(bytes(count % 2**20)) + packer.flush()


def large_png(make, width: int, height: int, depth: int = 8, color_type: int = 2) -> bytes:
    """A PNG of black pixels that says its size truly."""
    channels = {0: 1, 2: 3, 6: 4}[color_type]
    row_bytes = 1 + (width * channels * depth + 7) // 8
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", deflated_zeros(row_bytes * height)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(make.png_chunk(*chunk) for chunk in chunks)


def small_png(make, *extra: tuple[bytes, bytes]) -> bytes:
    return make.png_file(8, 8, bytes(8 * 25), extra=extra)


def tiff_tags(width: int, height: int, **changes: tuple[str, list[int]]) -> dict:
    named = {
        "width": (256, ("I", [width])),
        "height": (257, ("I", [height])),
        "bits": (258, ("H", [8, 8, 8])),
        "compression": (259, ("H", [1])),
        "photometric": (262, ("H", [2])),
        "samples": (277, ("H", [3])),
        "rows_per_strip": (278, ("I", [height])),
        "tile_width": (322, None),
        "tile_height": (323, None),
        "strip_bytes": (279, None),
        "strip_offsets": (273, None),
    }
    tags = {tag: changes.get(name, value) for name, (tag, value) in named.items()}
    return {tag: value for tag, value in tags.items() if value is not None}


def tiff_with_shared_data(make) -> bytes:
    """Thousands of tags that all point at the same megabyte."""
    count, size = 10_000, 2**20
    start = 8 + size
    entries = [struct.pack("<HHII", tag, 7, size, 8) for tag in range(1000, 1000 + count)]
    return (
        b"II*\x00"
        + struct.pack("<I", start)
        + bytes(size)
        + struct.pack("<H", count)
        + b"".join(entries)
        + bytes(4)
    )


def tiff_pages(make, count: int) -> bytes:
    """Directories that share one strip, each naming the next; the last names the first."""
    tags = [(256, 4, 1, 4), (257, 4, 1, 4), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8)]
    tags += [(277, 3, 1, 1), (278, 4, 1, 4), (279, 4, 1, 16)]
    length = 2 + 12 * len(tags) + 4
    first = 8 + 16
    pages = [
        struct.pack("<H", len(tags))
        + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        + struct.pack("<I", first + length * ((page + 1) % count))
        for page in range(count)
    ]
    return b"II*\x00" + struct.pack("<I", first) + bytes(16) + b"".join(pages)


def jpeg(width: int = 16, height: int = 16, **options: object) -> bytes:
    return saved(Image.new("RGB", (width, height), (90, 120, 30)), "JPEG", **options)


def jpeg_of_claimed_size(width: int, height: int) -> bytes:
    content = jpeg()
    frame = content.index(b"\xff\xc0")
    return content[: frame + 5] + struct.pack(">HH", height, width) + content[frame + 9 :]


def jpeg_of_many_scans(count: int) -> bytes:
    content = jpeg(4000, 4000, progressive=True)
    last = [match.start() for match in re.finditer(b"\xff\xda", content)][-1]
    return content[:-2] + content[last:-2] * count + b"\xff\xd9"


def webp(kind: bytes, start: bytes) -> bytes:
    body = b"WEBP" + kind + struct.pack("<I", len(start)) + start
    return b"RIFF" + struct.pack("<I", len(body)) + body


def many_frames(form: str, count: int) -> bytes:
    frames = [Image.new("RGB", (16, 16), (index % 256, index // 256, 0)) for index in range(count)]
    return saved(frames[0], form, save_all=True, append_images=frames[1:], duration=10)


def truncated(form: str) -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    content = saved(Image.fromarray(noise), form)
    return content[: len(content) * 2 // 3]


TOO_LARGE, UNREADABLE, ANIMATED, UNSUPPORTED, ACCEPTED = (
    "image_too_large",
    "image_unreadable",
    "image_animated",
    "image_unsupported",
    "",
)


def lzw_tiff(make, **changes: tuple[str, list[int]]) -> bytes:
    """A small compressed TIFF with some of its tags changed, and hardly any data."""
    return make.tiff_file([bytes(99)], tiff_tags(64, 64, **{"compression": ("H", [5])} | changes))


def bare_tiff(make, width: int = 64, height: int = 64, **changes: tuple[str, list[int]]) -> bytes:
    """The same without compression."""
    return make.tiff_file([bytes(99)], tiff_tags(width, height, **changes))


SIZE_BOMBS: dict[str, Callable] = {
    "png-30000-square": lambda make: large_png(make, 30_000, 30_000, depth=1, color_type=0),
    "png-claims-2e31": lambda make: make.png_file(2**31 - 1, 2**31 - 1, b""),
    "png-side": lambda make: large_png(make, 20_000, 400),
    "png-ratio": lambda make: large_png(make, 3, 16_000),
    "jpeg-65500-square": lambda make: jpeg_of_claimed_size(65_500, 65_500),
    "webp-lossy": lambda make: webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(90)),
    "webp-lossless": lambda make: webp(b"VP8L", b"\x2f\xff\xff\xff\x0f" + bytes(90)),
    "webp-canvas": lambda make: webp(b"VP8X", b"\0\0\0\0" + b"\xff" * 6 + bytes(90)),
    "tiff-100000-square": lambda make: bare_tiff(make, 100_000, 100_000),
    "tiff-2e32-wide": lambda make: bare_tiff(make, 2**32 - 1, 1),
    "tiff-tile-60000-square": lambda make: lzw_tiff(
        make, tile_width=("I", [60_000]), tile_height=("I", [60_000])
    ),
}
FRAME_BOMBS: dict[str, Callable] = {
    "apng-claims-2e31": lambda make: small_png(make, (b"acTL", struct.pack(">II", 2**31 - 1, 0))),
    "apng-2000-frames": lambda make: many_frames("PNG", 2000),
    "webp-500-frames": lambda make: many_frames("WEBP", 500),
    "tiff-15000-pages": lambda make: tiff_pages(make, 15_000),
    "tiff-pages-in-a-ring": lambda make: tiff_pages(make, 2),
}
WORK_BOMBS: dict[str, Callable] = {
    "png-150000-chunks": lambda make: small_png(make, *[(b"tEXt", b"")] * 150_000),
    "jpeg-2000-scans": lambda make: jpeg_of_many_scans(2000),
    "tiff-500000-strips": lambda make: bare_tiff(
        make, 200, 16_000, strip_offsets=("I", [8] * 500_000), rows_per_strip=("I", [1])
    ),
}
DAMAGED_BOMBS: dict[str, Callable] = {
    "png-of-two-headers": lambda make: small_png(make)[:33] + large_png(make, 10_000, 10_000)[8:],
    "jpeg-500000-segments": lambda make: b"\xff\xd8" + b"\xff\xfe\x00\x02" * 500_000 + jpeg()[2:],
    "jpeg-fill-bytes": lambda make: b"\xff\xd8\xff" + b"\xff" * 2_000_000,
    "tiff-tags-share-data": tiff_with_shared_data,
    "tiff-strip-of-4-gib": lambda make: lzw_tiff(make, strip_bytes=("I", [2**32 - 1])),
    "tiff-endless-rows-per-strip": lambda make: lzw_tiff(make, rows_per_strip=("I", [2**31])),
    "tiff-65535-samples": lambda make: bare_tiff(make, samples=("H", [65_535])),
    "tiff-strip-outside-the-file": lambda make: bare_tiff(make, strip_offsets=("I", [2**32 - 9])),
    "tiff-directory-outside-the-file": lambda make: b"II*\x00\xff\xff\xff\xff" + bytes(50),
    "bigtiff-of-2e64-entries": lambda make: (
        struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, 2**64 - 1) + bytes(2_000_000)
    ),
    "truncated-png": lambda make: truncated("PNG"),
    "truncated-jpeg": lambda make: truncated("JPEG"),
    "truncated-webp": lambda make: truncated("WEBP"),
    "truncated-tiff": lambda make: truncated("TIFF"),
}
HOLLOW_BOMBS: dict[str, Callable] = {  # pictures, with something about them that must not be unpacked
    "png-data": lambda make: (
        small_png(make)[:33] + make.png_chunk(b"IDAT", deflated_zeros(2**28)) + make.png_chunk(b"IEND", b"")
    ),
    "png-text": lambda make: small_png(make, (b"zTXt", b"a\0\0" + deflated_zeros(2**28))),
    "png-other-text": lambda make: small_png(make, (b"iTXt", b"a\0\x01\0\0\0" + deflated_zeros(2**28))),
    "png-profile": lambda make: small_png(make, (b"iCCP", b"a\0\0" + deflated_zeros(2**28))),
    "tiff-deflate": lambda make: make.tiff_file(
        [deflated_zeros(2**28)], tiff_tags(64, 64, compression=("H", [8]))
    ),
    "exif-in-a-ring": lambda make: jpeg(exif=EXIF_IN_A_RING),
}
BOMBS: dict[str, tuple[str, Callable]] = {
    name: (code, build)
    for code, bombs in (
        (TOO_LARGE, SIZE_BOMBS | WORK_BOMBS),
        (ANIMATED, FRAME_BOMBS),
        (UNREADABLE, DAMAGED_BOMBS),
        (UNSUPPORTED, {"gif-500-frames": lambda make: many_frames("GIF", 500)}),
        (ACCEPTED, HOLLOW_BOMBS),
    )
    for name, build in bombs.items()
}


@pytest.fixture(scope="module")
def outcomes(make, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What one process made of all the bombs, in this order."""
    folder = tmp_path_factory.mktemp("bombs")
    paths: list[Path] = []
    for name, (_, build) in BOMBS.items():
        paths.append(folder / name)
        paths[-1].write_bytes(build(make))
    command = [sys.executable, "-c", READER, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    results = {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}
    return {path.name: results[path.name] | {"bytes": path.stat().st_size} for path in paths}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_does_no_harm(name: str, outcomes: dict[str, dict]) -> None:
    outcome = outcomes[name]
    assert outcome["bytes"] <= MAX_BOMB_BYTES
    assert outcome["code"] == BOMBS[name][0], outcome["detail"]
    assert outcome["grown_mib"] <= MAX_GROWTH_MIB
    if outcome["code"]:
        assert name in outcome["detail"]
