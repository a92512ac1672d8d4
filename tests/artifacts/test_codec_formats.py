"""Which pictures the codec takes, and what it says of those that it refuses."""

import cv2
import numpy as np
import pytest
from PIL import Image

from editrefiner.artifacts import (
    ImageAnimatedError,
    ImageLimits,
    ImageTooLargeError,
    ImageUnreadableError,
    ImageUnsupportedError,
    decode_image,
)
from tests.artifacts.pictures import noise, saved, scene

LIMITS = ImageLimits()


@pytest.mark.parametrize(
    ("form", "media_type", "options"),
    [
        ("PNG", "image/png", {}),
        ("WEBP", "image/webp", {"lossless": True}),
        ("TIFF", "image/tiff", {}),
        ("TIFF", "image/tiff", {"compression": "tiff_lzw"}),
        ("TIFF", "image/tiff", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", "image/tiff", {"big_tiff": True}),
    ],
)
def test_a_lossless_picture_comes_in_bit_for_bit(form: str, media_type: str, options: dict) -> None:
    pixels = noise(37, 53, 3)
    decoded = decode_image(saved(Image.fromarray(pixels), form, **options), LIMITS)
    np.testing.assert_array_equal(decoded.pixels, pixels)
    assert (decoded.media_type, decoded.alpha, decoded.warnings) == (media_type, None, ())


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 95, "subsampling": 0}])
def test_a_jpeg_comes_in_as_pillow_and_opencv_see_it(options: dict) -> None:
    content = saved(Image.fromarray(scene()), "JPEG", **options)
    decoded = decode_image(content, LIMITS)
    reference = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert reference is not None
    assert np.abs(decoded.pixels.astype(int) - reference).max() <= 2
    assert decoded.media_type == "image/jpeg"


def test_the_format_is_told_from_the_content() -> None:
    assert (
        decode_image(saved(Image.fromarray(scene()), "WEBP"), LIMITS, name="a.png").media_type == "image/webp"
    )


@pytest.mark.parametrize("form", ["GIF", "BMP", "AVIF", "ICO", "PPM", "PDF", "JPEG2000", "QOI", "TGA"])
def test_a_format_that_is_not_accepted_is_unsupported(form: str) -> None:
    with pytest.raises(ImageUnsupportedError, match=r"edited is .* not a PNG, JPEG, WebP or TIFF"):
        decode_image(saved(Image.fromarray(scene()), form), LIMITS, name="edited")


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"PK\x03\x04",
        b"hello",
        b"\x89P",
    ],
)
def test_what_is_no_raster_picture_is_unsupported(content: bytes) -> None:
    with pytest.raises(ImageUnsupportedError):
        decode_image(content, LIMITS)


def test_nothing_at_all_is_unreadable() -> None:
    with pytest.raises(ImageUnreadableError, match="source is empty"):
        decode_image(b"", LIMITS, name="source")


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_an_animation_or_a_second_page_is_refused(form: str) -> None:
    frames = [Image.fromarray(noise(8, 8, 3) // part) for part in (1, 2, 3)]
    content = saved(frames[0], form, save_all=True, append_images=frames[1:])
    with pytest.raises(ImageAnimatedError, match=r"edited has more than 1 frame.*Export"):
        decode_image(content, LIMITS, name="edited")


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_the_first_frame_is_read_where_more_are_allowed(form: str) -> None:
    frames = [Image.fromarray(noise(8, 8, 3) // part) for part in (1, 2, 3)]
    options = {"lossless": True} if form == "WEBP" else {}
    content = saved(frames[0], form, save_all=True, append_images=frames[1:], **options)
    decoded = decode_image(content, ImageLimits(max_frames=3))
    np.testing.assert_array_equal(decoded.pixels, np.asarray(frames[0]))


def test_pictures_behind_the_first_of_a_phones_jpeg_are_no_frames() -> None:
    first, second = Image.fromarray(scene()), Image.fromarray(scene(24, 32))
    content = saved(first, "MPO", save_all=True, append_images=[second])
    assert decode_image(content, LIMITS).pixels.shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_bytes": 100}, "has .* bytes; the limit is 100"),
        ({"max_pixels": 1000}, r"64x48 pixels, 3072 in all; the limit is 1000\. Scale"),
        ({"max_side": 60}, r"64x48 pixels; the limit of a side is 60\. Scale"),
        ({"max_ratio": 1.3}, r"64x48 pixels; .* 1\.3 times the other\. Crop"),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_refusal_names_the_picture_the_limit_and_the_mend(limits: dict, said: str, form: str) -> None:
    with pytest.raises(ImageTooLargeError, match=f"the upload (is|has)? ?{said}"):
        decode_image(saved(Image.fromarray(scene()), form), ImageLimits(**limits), name="the upload")


def test_a_picture_at_its_limits_is_accepted() -> None:
    content = saved(Image.fromarray(scene(10, 40)), "PNG")
    limits = ImageLimits(max_bytes=len(content), max_pixels=400, max_side=40, max_ratio=4)
    assert decode_image(content, limits).pixels.shape == (10, 40, 3)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_picture_is_unreadable(form: str, share: float) -> None:
    content = saved(Image.fromarray(noise(60, 60, 3)), form)
    with pytest.raises(ImageUnreadableError, match=r"edited .*Save the picture again"):
        decode_image(content[: int(len(content) * share)], LIMITS, name="edited")


@pytest.mark.parametrize(
    "magic",
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\xff\x00\x00\x00WEBPVP8 ", b"II*\x00", b"MM\x00*"],
)
def test_garbage_behind_a_magic_number_is_unreadable(magic: bytes) -> None:
    for filler in (b"", bytes(200), b"\xff" * 200, np.random.default_rng(1).bytes(4000)):
        with pytest.raises(ImageUnreadableError):
            decode_image(magic + filler, LIMITS)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_picture_with_flipped_bytes_is_decoded_or_refused_and_nothing_else(form: str) -> None:
    content = saved(Image.fromarray(scene(24, 24)), form)
    rng = np.random.default_rng(11)
    for _ in range(150):
        damaged = np.frombuffer(content, np.uint8).copy()
        places = rng.integers(0, len(damaged), 3)
        damaged[places] = rng.integers(0, 256, 3)
        try:
            decoded = decode_image(damaged.tobytes(), LIMITS)
        except (ImageUnreadableError, ImageTooLargeError, ImageUnsupportedError, ImageAnimatedError):
            continue
        assert decoded.pixels.dtype == np.uint8
        assert decoded.pixels.ndim == 3


def test_a_png_whose_data_fails_its_checksum_is_unreadable(make) -> None:
    content = bytearray(make.png_file(4, 4, bytes(4 * 13)))
    at = content.index(b"IDAT") + 6
    content[at] ^= 0x10
    with pytest.raises(ImageUnreadableError):
        decode_image(bytes(content), LIMITS)
