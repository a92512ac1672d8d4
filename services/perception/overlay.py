"""What does a perception look like to a person? Maps and regions drawn over the edited picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import Box, FlawKind

MAX_SIDE = 2048  # of the whole drawing: what a screen shows, and a bound on time and memory
MIN_SIDE = 640  # a smaller picture is enlarged to this until a label beside a flaw can be read
LEGEND_WIDTH, LEGEND_HEIGHT = 600, 64  # at text size 1
MAX_TEXT = MAX_SIDE / 1100

# Orange and blue are told apart with every kind of colour vision, and differ in lightness too.
COLORS = {FlawKind.ARTIFACT: (255, 146, 0), FlawKind.EDITING_FAILURE: (40, 130, 255)}
NAMES = {FlawKind.ARTIFACT: "artifact", FlawKind.EDITING_FAILURE: "failure"}
FAINTEST = 0.04  # saliency below this is not tinted: it would lie over the picture like a haze
STRONGEST_TINT = 0.82  # saliency 1 still lets the picture through

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_PAPER, _INK, _LIGHT = (28, 28, 28), (16, 16, 16), (238, 238, 238)


@dataclass(frozen=True)
class Outline:
    """One region to draw, in pixels of the full-size picture."""

    name: str
    kind: FlawKind
    bbox: Box
    mask: np.ndarray
    """(y1 - y0, x1 - x0) uint8: 255 marks the flaw."""


def draw_overlay(
    edited: np.ndarray, artifact: np.ndarray, failure: np.ndarray, outlines: Sequence[Outline]
) -> np.ndarray:
    """(h, w, 3) uint8: the dimmed picture under both maps, its regions, and a legend below.

    `edited` is (H, W, 3), the maps are (H, W) uint8 where 255 stands for 1. The drawing is at most
    MAX_SIDE pixels wide and high; a picture with no side of MIN_SIDE is enlarged.
    """
    height, width = _drawn_size(*edited.shape[:2])
    maps = [_resized(levels, height, width) for levels in (artifact, failure)]
    text = max(1.0, width / 1100)
    canvas, left = _framed(_heat(_dimmed(_resized(edited, height, width)), *maps), text)
    scale = np.array([width / edited.shape[1], height / edited.shape[0]])
    boxes = [_draw_outline(canvas[:height, left : left + width], outline, scale) for outline in outlines]
    taken: list[Box] = []
    for outline, (x0, y0, x1, y1) in zip(outlines, boxes, strict=True):
        around = (x0 + left, y0, x1 + left, y1)
        taken.append(_draw_label(canvas, outline, around, taken, height, text))
    _draw_legend(canvas[height:], len(outlines), text)
    return canvas


def _drawn_size(height: int, width: int) -> tuple[int, int]:
    """Of the picture in the drawing, so that the legend fits below."""
    room = MAX_SIDE - int(LEGEND_HEIGHT * MAX_TEXT)
    scale = min(max(1.0, MIN_SIDE / max(height, width)), MAX_SIDE / width, room / height)
    return max(1, int(height * scale)), max(1, int(width * scale))


def _resized(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = picture.shape[0] > height or picture.shape[1] > width
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _dimmed(picture: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32 in [0, 255]: little colour, and neither black nor white, so that every tint shows."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return 36.0 + 0.68 * (0.65 * gray + 0.35 * picture.astype(np.float32))


def _heat(ground: np.ndarray, artifact: np.ndarray, failure: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8: the ground tinted in the colour of the stronger map, as strongly as that is."""
    strength = np.maximum(artifact, failure).astype(np.float32) / 255.0  # (h, w) in [0, 1]
    tint = np.where(strength >= FAINTEST, STRONGEST_TINT * strength, 0.0)[..., None]
    colors = np.array([COLORS[FlawKind.EDITING_FAILURE], COLORS[FlawKind.ARTIFACT]], np.float32)
    return np.rint(ground + tint * (colors[(artifact >= failure).astype(np.uint8)] - ground)).astype(np.uint8)


def _framed(picture: np.ndarray, text: float) -> tuple[np.ndarray, int]:
    """The picture with paper below for the legend and, if it is narrow, beside; and its left edge."""
    height, width = picture.shape[:2]
    canvas_width = max(width, int(LEGEND_WIDTH * text))
    canvas = np.full((height + int(LEGEND_HEIGHT * text), canvas_width, 3), _PAPER, np.uint8)
    left = (canvas_width - width) // 2
    canvas[:height, left : left + width] = picture
    return canvas, left


def _draw_outline(picture: np.ndarray, outline: Outline, scale: np.ndarray) -> Box:
    """Trace the mask at the drawing's scale; its box there."""
    corners = np.array(outline.bbox, float).reshape(2, 2) * scale
    limit = np.array(picture.shape[1::-1])
    start = np.minimum(np.floor(corners[0]).astype(int), limit - 1)
    end = np.minimum(np.maximum(np.ceil(corners[1]).astype(int), start + 1), limit)
    (x0, y0), (x1, y1) = ((int(x), int(y)) for x, y in (start, end))
    mask = _resized(outline.mask, y1 - y0, x1 - x0)
    marked = np.pad((mask >= 128 if (mask >= 128).any() else mask > 0).astype(np.uint8), 1)
    contours, _ = cv2.findContours(marked, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(x0 - 1, y0 - 1))
    width = 2 if max(picture.shape) < 1200 else 3
    for color, thickness in ((_INK, width + 2), (COLORS[outline.kind], width)):
        cv2.drawContours(picture, contours, -1, color, thickness, cv2.LINE_AA)
    return x0, y0, x1, y1


def _draw_label(
    canvas: np.ndarray, outline: Outline, box: Box, taken: Sequence[Box], floor: int, text: float
) -> Box:
    """Write name and kind beside the box, above `floor` and clear of the labels there; where it is now."""
    words, size, pad = f"{outline.name} {NAMES[outline.kind]}", 0.45 * text, int(4 * text)
    weight = max(1, round(text))
    (width, height), _ = cv2.getTextSize(words, _FONT, size, weight)
    w, h = width + 2 * pad, height + 2 * pad
    places = _places(box, w, h, canvas.shape[1], floor)
    x, y = next((place for place in places if _is_free(place, w, h, taken)), places[0])
    cv2.rectangle(canvas, (x, y), (x + w, y + h), COLORS[outline.kind], -1)
    cv2.rectangle(canvas, (x, y), (x + w, y + h), _INK, 1)
    cv2.putText(canvas, words, (x + pad, y + pad + height), _FONT, size, _INK, weight, cv2.LINE_AA)
    return x, y, x + w, y + h


def _places(box: Box, w: int, h: int, right: int, bottom: int) -> list[tuple[int, int]]:
    """Where a label of w x h may begin: above the box, below, beside, inside, then ever further down."""
    x0, y0, x1, y1 = box
    left = max(0, min(x0, right - w - 1))
    wanted = [(left, y0 - h - 4), (left, y1 + 4), (x1 + 4, y0), (x0 - w - 4, y0), (left, y0 + 4)]
    wanted += [(left, y) for y in (*range(y0, bottom, h + 2), *range(0, y0, h + 2))]
    inside = [(x, y) for x, y in wanted if 0 <= x < right - w and 0 <= y < bottom - h]
    return inside or [(left, 0)]


def _is_free(place: tuple[int, int], w: int, h: int, taken: Sequence[Box]) -> bool:
    x, y = place
    return all(x + w < x0 or x > x1 or y + h < y0 or y > y1 for x0, y0, x1, y1 in taken)


def _draw_legend(strip: np.ndarray, count: int, text: float) -> None:
    """Two scales from 0 to 1 and the number of regions, on the paper below the picture."""
    ground = float(_dimmed(np.full((1, 1, 3), 128, np.uint8))[0, 0, 0])
    bar = (int(110 * text), int(14 * text))  # width, height
    ramp = np.tile(np.linspace(0, 255, bar[0]).astype(np.uint8), (bar[1], 1))
    zero, middle = np.zeros_like(ramp), np.full((*ramp.shape, 3), ground, np.float32)
    top = int(12 * text)
    bars = (
        (12, "artifact: looks wrong", _heat(middle, ramp, zero)),
        (226, "failure: not as asked", _heat(middle, zero, ramp)),
    )
    for offset, words, scale in bars:
        left = int(offset * text)
        _write(strip, "0", left, top + bar[1], text)
        left += int(14 * text)
        strip[top : top + bar[1], left : left + bar[0]] = scale
        _write(strip, "1", left + bar[0] + int(5 * text), top + bar[1], text)
        _write(strip, words, left, top + bar[1] + int(22 * text), text)
    outlined = {0: "no region found", 1: "1 region outlined"}.get(count, f"{count} regions outlined")
    _write(strip, outlined, int(440 * text), top + bar[1], text)


def _write(strip: np.ndarray, words: str, x: int, y: int, text: float) -> None:
    cv2.putText(strip, words, (x, y - 1), _FONT, 0.42 * text, _LIGHT, max(1, round(text)), cv2.LINE_AA)
