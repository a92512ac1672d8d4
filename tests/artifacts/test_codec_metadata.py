"""What the codec does with what a file says about its picture: it turns the picture upright and forgets."""

import struct

import numpy as np
import pytest
from PIL import Image

from editrefiner.artifacts import (
    ImageLimits,
    decode_image,
    open_store,
)
from tests.artifacts.pictures import noise, saved, scene

LIMITS = ImageLimits()


TURNS = {  # what a camera held like this records of an upright scene
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 3),
}


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_orientations_show_the_same_picture(form: str, orientation: int) -> None:
    upright = scene()
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(form, {})
    recorded = Image.fromarray(np.ascontiguousarray(TURNS[orientation](upright)))
    decoded = decode_image(saved(recorded, form, exif=exif, **options), LIMITS)
    assert decoded.pixels.shape == upright.shape
    assert np.abs(decoded.pixels.astype(int) - upright).max() <= (3 if form == "JPEG" else 0)


def test_alpha_is_turned_with_the_picture() -> None:
    pixels = noise(10, 16, 4)
    exif = Image.Exif()
    exif[0x0112] = 6
    recorded = Image.fromarray(np.ascontiguousarray(np.rot90(pixels, 1)))
    decoded = decode_image(saved(recorded, "PNG", exif=exif), LIMITS)
    np.testing.assert_array_equal(decoded.alpha, pixels[..., 3])


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\x00\x00",
        b"II*\x00\xff\xff\xff\x7f",
        b"MM\x00*\x00\x00\x00\x08\xff\xff" + bytes(40),
        b"II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHII", 0x0112, 3, 1, 99),
        b"II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHII", 0x0112, 5, 1, 6),
        b"not exif at all",
    ],
)
def test_damaged_exif_leaves_the_picture_as_it_is(exif: bytes) -> None:
    pixels = noise(5, 9, 3)
    decoded = decode_image(saved(Image.fromarray(pixels), "PNG", exif=exif), LIMITS)
    np.testing.assert_array_equal(decoded.pixels, pixels)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_no_metadata_reaches_the_store(form: str, tmp_path, make) -> None:
    marks = [b"SECRET-PLACE", b"SECRET-OWNER", b"SECRET-NOTE"]
    exif = Image.Exif()
    exif[0x013B] = marks[1].decode()  # artist
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[29] = marks[0].decode()  # GPS
    options = {"exif": exif, "xmp": b"<x:xmpmeta>SECRET-NOTE</x:xmpmeta>"}
    content = saved(Image.fromarray(scene()), form, **options)
    if form == "PNG":
        content = content[:33] + make.png_chunk(b"tEXt", b"Comment\x00SECRET-NOTE") + content[33:]
    if form != "TIFF":  # Pillow writes no GPS directory there
        assert marks[0] in content
    assert marks[1] in content

    store = open_store(str(tmp_path))
    ref, _ = store.ingest(content, name="edited")

    kept = store.bytes(ref.sha256)
    assert [
        kind for kind in (b"eXIf", b"tEXt", b"iTXt", b"zTXt", b"iCCP", b"Exif", b"GPS") if kind in kept
    ] == []
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert [mark for mark in marks if mark in written] == []
