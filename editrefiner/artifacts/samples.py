"""From the sample formats of files (1 to 16 bits, palettes, inks, alpha) to 8-bit colour and alpha."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageFile

from editrefiner.artifacts.errors import ImageUnsupportedError

_BITS_PER_SAMPLE = 258  # TIFF tags
_PHOTOMETRIC = 262
_ROWS_AT_ONCE = 256  # temporaries stay small beside the picture
_DEEP_HEADS = ("RGB", "RGBX", "RGBA", "CMYK")
_SWAPPED = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


@dataclass(frozen=True)
class Samples:
    """A decoded picture: mode L, RGB, CMYK or LAB, eight bits a channel, and its alpha."""

    color: Image.Image
    alpha: np.ndarray | None  # (H, W) uint8


def read_samples(fresh: Callable[[], ImageFile.ImageFile], name: str) -> Samples:
    """Decode a picture, scaling deeper samples to 8 bits and splitting alpha off."""
    image = fresh()
    if image.mode.startswith("I;16"):
        return _deep_gray(image)
    if _low_byte_tiles(image) is not None:
        return _deep_color(image, fresh())
    image.load()
    match image.mode:
        case "P" | "PA":
            keeps_alpha = image.mode == "PA" or "transparency" in image.info
            return _split(image.convert("RGBA" if keeps_alpha else "RGB"))
        case "1" | "L" | "RGB" if "transparency" in image.info:
            return _split(image.convert("LA" if image.mode == "L" else "RGBA"))
        case "1":
            return Samples(image.convert("L"), None)
        case "L" | "LA" | "RGB" | "RGBA" | "CMYK" | "LAB":
            return _split(_with_straight_inks(image))
        case "RGBX" | "YCbCr":
            return Samples(image.convert("RGB"), None)
        case mode:
            raise ImageUnsupportedError(
                f"{name} has {mode} samples, whose black and white are not told. "
                "Save it with 8 or 16 bits per channel."
            )


def _with_straight_inks(image: Image.Image) -> Image.Image:
    """Pillow takes every CMYK JPEG for an inverted one, as Adobe writes them; others are turned back."""
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        return image.point(lambda ink: 255 - ink)
    return image


def _split(image: Image.Image) -> Samples:
    if image.mode not in ("LA", "RGBA"):
        return Samples(image, None)
    alpha = np.array(image.getchannel("A"))
    return Samples(image.convert(image.mode.removesuffix("A")), alpha)


def read_gray_alpha_pairs(fresh: Callable[[], ImageFile.ImageFile]) -> Samples:
    """16-bit gray with alpha, whose four bytes per pixel come as an RGBA image."""
    gray_high, gray_low, alpha_high, alpha_low = (np.array(band) for band in fresh().split())
    return Samples(Image.fromarray(_nearest(gray_high, gray_low)), _nearest(alpha_high, alpha_low))


def _deep_gray(image: ImageFile.ImageFile) -> Samples:
    image.load()
    values = np.asarray(image).astype(np.uint16)
    tags = getattr(image, "tag_v2", {})
    white = 2 ** tags.get(_BITS_PER_SAMPLE, (16,))[0] - 1  # 12-bit scans come in 16-bit words
    key = image.info.get("transparency")
    alpha = None if key is None else np.where(values == key, 0, 255).astype(np.uint8)
    gray = _scaled(values, white)
    if tags.get(_PHOTOMETRIC) == 0:  # white is zero
        gray = 255 - gray
    return Samples(Image.fromarray(gray), alpha)


def _deep_color(image: ImageFile.ImageFile, again: ImageFile.ImageFile) -> Samples:
    """16-bit colour: Pillow keeps the high byte only, so the file is decoded again for the low one."""
    again.tile = _low_byte_tiles(again) or []
    key = image.info.get("transparency")
    high, low = _emptied(image), _emptied(again)
    is_clear = None
    if key is not None:
        clear = np.asarray(key, np.uint16)
        is_clear = ((high == clear >> 8) & (low == clear & 255)).all(axis=2)
    color = Image.frombuffer(image.mode, image.size, _nearest(high, low))
    if is_clear is None:
        return _split(color)
    return Samples(color, np.where(is_clear, 0, 255).astype(np.uint8))


def _emptied(image: ImageFile.ImageFile) -> np.ndarray:
    """An image's pixels; the image gives up its own copy of them."""
    pixels = np.array(image)
    image.close()
    return pixels


def _low_byte_tiles(image: ImageFile.ImageFile) -> list[ImageFile._Tile] | None:
    """The image's tiles with the byte order of 16-bit colour swapped; None when it is not 16-bit colour."""
    if not image.tile:
        return None
    swapped = []
    for tile in image.tile:
        raw_mode, *rest = (tile.args,) if isinstance(tile.args, str) else tile.args or ("",)
        head, _, order = str(raw_mode).partition(";16")
        if order not in _SWAPPED or head not in _DEEP_HEADS:
            return None
        other = f"{head};16{_SWAPPED[order]}"
        args = other if isinstance(tile.args, str) else (other, *rest)
        swapped.append(tile._replace(args=args))
    return swapped


def _scaled(values: np.ndarray, white: int) -> np.ndarray:
    """Samples of 0..white as the nearest of 0..255."""
    table = ((np.arange(65_536, dtype=np.uint32) * 255 + white // 2) // white).clip(0, 255).astype(np.uint8)
    return table[values]


def _nearest(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """16-bit samples, given as two bytes, as the nearest of 0..255, in place of `high`.

    high * 256 + low is high * 257 + (low - high), so the answer is `high` but for the last term's rounding.
    """
    for start in range(0, len(high), _ROWS_AT_ONCE):
        above, below = high[start : start + _ROWS_AT_ONCE], low[start : start + _ROWS_AT_ONCE]
        rises = cv2.subtract(below, above) > 128  # saturating: zero where the low byte is the smaller
        falls = cv2.subtract(above, below) > 128
        above += rises.view(np.uint8)
        above -= falls.view(np.uint8)
    return high
