"""From samples of every kind to 8-bit colour and alpha."""

import cv2
import numpy as np
import pytest
from PIL import Image

from editrefiner.artifacts import (
    ImageLimits,
    ImageUnsupportedError,
    decode_image,
)
from tests.artifacts.pictures import color_distance, noise, patches, saved

LIMITS = ImageLimits()


def nearest_8_bit(values: np.ndarray, white: int = 65_535) -> np.ndarray:
    return np.floor(values.astype(np.float64) * 255 / white + 0.5).astype(np.uint8)


def test_gray_is_repeated_in_three_channels() -> None:
    gray = noise(11, 13)
    decoded = decode_image(saved(Image.fromarray(gray), "PNG"), LIMITS)
    np.testing.assert_array_equal(decoded.pixels, np.repeat(gray[..., None], 3, axis=2))


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_one_bit_becomes_black_and_white(form: str) -> None:
    bits = noise(9, 17) > 127
    decoded = decode_image(saved(Image.fromarray(bits), form), LIMITS)
    np.testing.assert_array_equal(decoded.pixels, np.where(bits, 255, 0)[..., None].repeat(3, axis=2))


def test_white_may_be_zero(make) -> None:
    gray = noise(9, 17)
    np.testing.assert_array_equal(decode_image(make.tiff_of(gray, 0), LIMITS).pixels[..., 0], 255 - gray)
    deep = noise(9, 17, dtype=np.uint16)
    np.testing.assert_array_equal(
        decode_image(make.tiff_of(deep, 0), LIMITS).pixels[..., 0], 255 - nearest_8_bit(deep)
    )


@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "RGBA"), ("WEBP", "RGBA"), ("TIFF", "RGBA"), ("PNG", "LA")]
)
def test_alpha_is_kept_apart_and_color_under_it_is_untouched(form: str, mode: str) -> None:
    pixels = noise(12, 10, len(mode))
    image = Image.frombytes(mode, (10, 12), pixels.tobytes())
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    decoded = decode_image(saved(image, form, **options), LIMITS)
    colors = pixels[..., :3] if mode == "RGBA" else pixels[..., :1].repeat(3, axis=2)
    np.testing.assert_array_equal(decoded.pixels, colors)
    np.testing.assert_array_equal(decoded.alpha, pixels[..., -1])


def test_a_palette_with_transparent_entries_gives_colors_and_alpha() -> None:
    indices = noise(8, 8) % 4
    image = Image.fromarray(indices)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    decoded = decode_image(saved(image, "PNG", transparency=bytes([0, 128, 255])), LIMITS)
    palette = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], np.uint8)
    np.testing.assert_array_equal(decoded.pixels, palette[indices])
    np.testing.assert_array_equal(decoded.alpha, np.array([0, 128, 255, 255], np.uint8)[indices])


@pytest.mark.parametrize(
    ("color_type", "depth", "key"),
    [
        (0, 8, b"\x00\x07"),
        (2, 8, b"\x00\x07\x00\x07\x00\x07"),
        (0, 16, b"\x07\x08"),
        (2, 16, b"\x07\x08" * 3),
    ],
)
def test_a_transparent_color_becomes_alpha_exactly(color_type: int, depth: int, key: bytes, make) -> None:
    channels = 1 if color_type == 0 else 3
    clear = int.from_bytes(key[:2], "big")
    # The key, its neighbour (the same high byte when deep), and white.
    values = np.array([clear, clear + 1, 2**depth - 1], f">u{depth // 8}").repeat(channels)
    content = make.png_file(
        3, 1, b"\x00" + values.tobytes(), depth=depth, color_type=color_type, extra=[(b"tRNS", key)]
    )
    np.testing.assert_array_equal(decode_image(content, LIMITS).alpha, [[0, 255, 255]])


@pytest.mark.parametrize("extension", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_are_scaled_to_the_nearest_of_8(extension: str, channels: int) -> None:
    pixels = noise(31, 29, channels, dtype=np.uint16)
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    _, content = cv2.imencode(extension, np.ascontiguousarray(pixels[..., order]))
    decoded = decode_image(content.tobytes(), LIMITS)
    expected = nearest_8_bit(pixels)
    np.testing.assert_array_equal(
        decoded.pixels, expected[..., :3] if channels > 1 else expected.repeat(3, axis=2)
    )
    if channels == 4:
        np.testing.assert_array_equal(decoded.alpha, expected[..., 3])


def test_every_16_bit_value_is_scaled_to_the_nearest(make) -> None:
    ramp = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    color = np.stack([ramp, ramp[::-1], ramp.T], axis=-1)
    for order in "<>":
        decoded = decode_image(make.tiff_of(color, 2, order=order), LIMITS)
        np.testing.assert_array_equal(decoded.pixels, nearest_8_bit(color))


def test_16_bit_gray_with_alpha_is_scaled_to_the_nearest(make) -> None:
    pixels = noise(14, 15, 2, dtype=np.uint16)
    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in pixels)
    decoded = decode_image(make.png_file(15, 14, rows, depth=16, color_type=4), LIMITS)
    np.testing.assert_array_equal(decoded.pixels[..., 1], nearest_8_bit(pixels[..., 0]))
    np.testing.assert_array_equal(decoded.alpha, nearest_8_bit(pixels[..., 1]))


def test_a_12_bit_scan_uses_the_whole_range(make) -> None:
    packed = bytes([0x00, 0x0F, 0xFF, 0x80, 0x00, 0x00])  # 0, 4095, 2048, 0
    tags = {256: [4], 257: [1], 258: [12], 259: [1], 262: [1], 277: [1], 278: [1], 284: [1]}
    content = make.tiff_file([packed], {tag: ("H", values) for tag, values in tags.items()})
    np.testing.assert_array_equal(decode_image(content, LIMITS).pixels[0, :, 0], [0, 255, 128, 0])


def test_16_bit_planes_that_would_be_misread_are_unsupported(make) -> None:
    with pytest.raises(ImageUnsupportedError, match="separate planes"):
        decode_image(make.tiff_of(noise(9, 9, 3, dtype=np.uint16), 2, planar=2), LIMITS)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_samples_without_a_known_white_are_unsupported(mode: str) -> None:
    with pytest.raises(ImageUnsupportedError, match="8 or 16 bits"):
        decode_image(saved(Image.new(mode, (4, 4)), "TIFF"), LIMITS)


INKS = np.array(
    [[[0, 0, 0, 0], [255, 0, 0, 0], [0, 255, 0, 0]], [[0, 0, 255, 0], [0, 0, 0, 255], [0, 0, 0, 128]]]
)
INKS_AS_RGB = np.array(
    [[[255, 255, 255], [0, 255, 255], [255, 0, 255]], [[255, 255, 0], [0, 0, 0], [127, 127, 127]]], np.uint8
)


def test_an_adobe_cmyk_jpeg_has_its_inverted_inks_put_right() -> None:
    image = Image.frombytes("CMYK", (48, 32), patches(INKS).tobytes())
    content = saved(image, "JPEG", quality=100, subsampling=0)
    assert b"Adobe" in content
    assert color_distance(decode_image(content, LIMITS).pixels, patches(INKS_AS_RGB)) <= 2


def test_a_cmyk_jpeg_that_adobe_did_not_write_has_straight_inks() -> None:
    image = Image.frombytes("CMYK", (48, 32), (255 - patches(INKS)).tobytes())
    content = saved(image, "JPEG", quality=100, subsampling=0)
    start = content.index(b"\xff\xee")  # the Adobe segment
    content = content[:start] + content[start + 2 + int.from_bytes(content[start + 2 : start + 4], "big") :]
    assert color_distance(decode_image(content, LIMITS).pixels, patches(INKS_AS_RGB)) <= 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_cmyk_tiff_has_straight_inks(dtype: type, make) -> None:
    inks = patches(INKS).astype(dtype) * (np.iinfo(dtype).max // 255)
    assert color_distance(decode_image(make.tiff_of(inks, 5), LIMITS).pixels, patches(INKS_AS_RGB)) <= 2
