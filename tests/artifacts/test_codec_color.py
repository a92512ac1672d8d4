"""Embedded colour profiles as sRGB, against the definitions."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from editrefiner.artifacts import (
    ImageLimits,
    decode_image,
)
from tests.artifacts.pictures import color_distance, noise, patches, saved

LIMITS = ImageLimits()


ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
GAMMA = 563 / 256


def icc_profile(space: bytes, colorants: tuple = (), gamma: float = GAMMA) -> bytes:
    """A version 2 profile of a display: gamma curves and, for RGB, the primaries' XYZ under D50."""

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \x00\x00\x00\x00" + struct.pack(">3i", *(round(value * 65_536) for value in values))

    curve = b"curv\x00\x00\x00\x00" + struct.pack(">IH", 1, round(gamma * 256)) + b"\x00\x00"
    text = b"desc\x00\x00\x00\x00" + struct.pack(">I", 5) + b"test\x00" + bytes(78)
    tags = {b"desc": text + bytes(-len(text) % 4), b"wtpt": xyz((0.9642, 1.0, 0.8249))}
    if colorants:
        tags |= {name: xyz(value) for name, value in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    else:
        tags[b"kTRC"] = curve
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(content))
        body += content
    header = struct.pack(
        ">I4sI4s4s4s12s4s4s4s12s", 0, b"lcms", 0x02100000, b"mntr", space, b"XYZ ", bytes(12), b"acsp",
        bytes(4), bytes(4), bytes(12),
    ) + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)  # fmt: skip
    profile = header.ljust(128, b"\x00") + table + body
    return struct.pack(">I", len(profile)) + profile[4:]


def in_srgb(pixels: np.ndarray) -> np.ndarray:
    """Adobe RGB pixels as sRGB, worked out from the definitions."""
    linear = (pixels / 255.0) ** GAMMA @ np.array(ADOBE_RGB) @ np.linalg.inv(np.array(SRGB))
    linear = linear.clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (encoded * 255).round().astype(np.uint8)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_an_embedded_profile_is_converted_to_srgb(form: str) -> None:
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(form, {})
    pixels = patches(np.random.default_rng(5).integers(70, 190, (6, 8, 3)))
    content = saved(Image.fromarray(pixels), form, icc_profile=icc_profile(b"RGB ", ADOBE_RGB), **options)
    decoded = decode_image(content, LIMITS)
    assert color_distance(decoded.pixels, in_srgb(pixels)) <= 2
    assert color_distance(pixels, in_srgb(pixels)) > 4  # or the test would tell nothing
    assert decoded.warnings == ()


def test_an_embedded_srgb_profile_changes_nothing() -> None:
    pixels = noise(32, 32, 3)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    decoded = decode_image(saved(Image.fromarray(pixels), "PNG", icc_profile=profile), LIMITS)
    np.testing.assert_array_equal(decoded.pixels, pixels)


def test_a_gray_profile_is_converted() -> None:
    linear = np.arange(256, dtype=np.uint8).reshape(16, 16)
    profile = icc_profile(b"GRAY", gamma=1.0)
    decoded = decode_image(saved(Image.fromarray(linear), "PNG", icc_profile=profile), LIMITS)
    light = linear / 255.0
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(decoded.pixels[..., 0] - expected).max() <= 1.5


def test_an_rgb_profile_on_a_gray_picture_is_honoured() -> None:
    gray = np.full((4, 4), 128, np.uint8)
    profile = icc_profile(b"RGB ", SRGB, gamma=1.0)
    decoded = decode_image(saved(Image.fromarray(gray), "PNG", icc_profile=profile), LIMITS)
    assert np.abs(decoded.pixels.astype(int) - 188).max() <= 1
    assert decoded.warnings == ()


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (b"no profile", "damaged"),
        (icc_profile(b"RGB ", ADOBE_RGB)[:200], "damaged"),
        (icc_profile(b"GRAY"), "other channels"),
        (icc_profile(b"RGB ", ADOBE_RGB) + bytes(5 * 2**20), "larger than"),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_a_profile_that_cannot_be_used_is_ignored_with_a_warning(
    profile: bytes, reason: str, form: str
) -> None:
    pixels = noise(8, 8, 3)
    decoded = decode_image(saved(Image.fromarray(pixels), form, icc_profile=profile), LIMITS, name="source")
    np.testing.assert_array_equal(decoded.pixels, pixels)
    (warning,) = decoded.warnings
    assert warning.startswith("source: ")
    assert reason in warning


def test_lab_is_converted() -> None:
    lab = Image.new("LAB", (4, 4), (128, 128, 128))  # L* 50, neutral
    decoded = decode_image(saved(lab, "TIFF"), LIMITS)
    assert np.abs(decoded.pixels.astype(int) - 119).max() <= 1
