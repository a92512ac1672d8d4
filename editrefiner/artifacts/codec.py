"""The one way in for pictures: bytes from anywhere to sRGB pixels, under limits, with nothing else kept."""

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from editrefiner.artifacts.containers import Container, open_container
from editrefiner.artifacts.errors import ImageUnreadableError
from editrefiner.artifacts.icc import to_srgb
from editrefiner.artifacts.limits import check_bytes
from editrefiner.artifacts.orientation import upright
from editrefiner.artifacts.samples import read_gray_alpha_pairs, read_samples
from editrefiner.artifacts.sniffing import sniff
from editrefiner.contracts import ImageLimits, MediaType

# What Pillow's parsers and decoders are known to raise on damaged files. Warning: a process may turn the
# warnings of a parser into exceptions.
_DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class DecodedImage:
    """A picture as the suite works with it."""

    pixels: np.ndarray
    """(H, W, 3) uint8, sRGB, upright."""
    alpha: np.ndarray | None
    """(H, W) uint8, 255 = opaque; None when the file has no transparency."""
    media_type: MediaType
    """Of the bytes that came in."""
    warnings: tuple[str, ...] = ()
    """What could not be honoured, in words for the sender."""


def decode_image(data: bytes, limits: ImageLimits, *, name: str = "image") -> DecodedImage:
    """Decode an untrusted picture; `name` is what a refusal calls it.

    The limits are asked in this order, each before any work that it bounds: bytes, format, size, frames.
    """
    check_bytes(limits, len(data), name)
    media_type = sniff(data, name)
    try:
        container = open_container(data, media_type, limits, name)
        return _decode(container, media_type, name)
    except _DECODER_ERRORS as exc:
        raise ImageUnreadableError(
            f"{name} cannot be decoded as {media_type}: {_reason(exc)}. Save the picture again."
        ) from exc


def _decode(container: Container, media_type: MediaType, name: str) -> DecodedImage:
    if container.is_gray_alpha_16:
        samples = read_gray_alpha_pairs(container.open)
    else:
        samples = read_samples(container.open, name)
    image, warnings = to_srgb(samples.color, container.profile, name)
    pixels = np.array(image if image.mode == "RGB" else image.convert("RGB"))
    alpha = None if samples.alpha is None else upright(samples.alpha, container.orientation)
    return DecodedImage(
        upright(pixels, container.orientation), alpha, media_type, container.warnings + warnings
    )


def _reason(exc: BaseException) -> str:
    """The decoder's words on one line, short enough for an answer."""
    return " ".join(str(exc).split())[:160].rstrip(".") or type(exc).__name__
