"""How do pictures get into a report? As small `data:` URIs of bounded size."""

import base64
from dataclasses import dataclass

import cv2
import numpy as np
from cv2.typing import MatLike

from editrefiner.contracts import Box, Registration

QUALITIES = (92, 85, 75, 60, 45)  # of JPEG: the first one that fits its budget is taken
HEAT_SIDE, HEAT_BYTES = 512, 50_000  # maps are smooth: more pixels show nothing more


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture as it stands in the report."""

    uri: str
    width: int
    height: int


def preview(rgb: MatLike, *, side: int, max_bytes: int) -> Preview:
    """`rgb` (H, W, 3) as JPEG, no side longer than `side`."""
    small = _fit(rgb, side)
    while True:
        for quality in QUALITIES:
            data = _encode(
                ".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
            )
            if len(data) <= max_bytes:
                return _preview("image/jpeg", data, small)
        small = _fit(small, max(small.shape[:2]) * 3 // 4)


def heat(saliency: MatLike, rgb: tuple[int, int, int]) -> Preview:
    """A saliency map (H, W) as one colour that is as opaque as the map is high."""
    alpha = _fit(saliency, HEAT_SIDE)  # (h, w) in 0..255
    data = _encode(".png", _layer(alpha // 8 * 8, rgb), [])
    while len(data) > HEAT_BYTES:
        alpha = _fit(alpha, max(alpha.shape) * 2 // 3)
        data = _encode(".png", _layer(alpha // 8 * 8, rgb), [])
    return _preview("image/png", data, alpha)


def outline(mask: MatLike, rgb: tuple[int, int, int], *, side: int) -> Preview:
    """The border of what is set in a mask (H, W), transparent elsewhere."""
    inside = np.where(_fit(mask, side) > 0, 255, 0).astype(np.uint8)
    width = max(3, max(inside.shape) // 200 * 2 + 1)
    border = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, np.ones((width, width), np.uint8))
    return _preview("image/png", _encode(".png", _layer(border, rgb), []), inside)


def around(box: Box, frame: tuple[int, int]) -> Box:
    """`box` with some of its surroundings, inside a frame of (height, width)."""
    x0, y0, x1, y1 = box
    margin = max(12, max(x1 - x0, y1 - y0) // 5)
    return max(0, x0 - margin), max(0, y0 - margin), min(frame[1], x1 + margin), min(frame[0], y1 + margin)


def close_up(rgb: MatLike, box: Box, *, side: int, max_bytes: int, registration: Registration) -> Preview:
    """What lies in `box`, enlarged up to three times or shrunk; `registration` maps the box into `rgb`."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    scale = min(3.0, max(1.0, side / max(width, height)))  # never below 1: warping would skip pixels
    size = round(width * scale), round(height * scale)
    to_box = np.array([[1 / scale, 0, x0], [0, 1 / scale, y0], [0, 0, 1]])
    to_picture = np.array(registration.matrix).reshape(2, 3) @ to_box  # (2, 3)
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_CUBIC
    crop = cv2.warpAffine(
        np.ascontiguousarray(rgb), to_picture, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return preview(crop, side=side, max_bytes=max_bytes)


def _fit(pixels: MatLike, side: int) -> MatLike:
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(pixels)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _layer(alpha: MatLike, rgb: tuple[int, int, int]) -> MatLike:
    colour = np.empty((*alpha.shape, 4), np.uint8)
    colour[..., :3] = rgb[::-1]
    colour[..., 3] = alpha
    return colour


def _encode(extension: str, pixels: MatLike, options: list[int]) -> bytes:
    done, data = cv2.imencode(extension, pixels, options)
    assert done, f"an array of shape {pixels.shape} can be written as {extension}"
    return data.tobytes()


def _preview(media_type: str, data: bytes, pixels: MatLike) -> Preview:
    height, width = pixels.shape[:2]
    return Preview(f"data:{media_type};base64,{base64.b64encode(data).decode()}", width, height)
