"""How is a change blended into a picture, and which pixels did it touch?"""

from collections.abc import Iterable

import cv2
import numpy as np

from training.flaws.lab import to_lab
from training.flaws.scene import Scene, Segment
from training.flaws.wording import UNNAMED

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1, exclusive."""

MAX_OVERLAP = 0.03  # a segment touched less than this is still a bystander
FAINTEST = 0.02  # weights below it change no pixel, they only widen the truth


def mean_lab(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(3,) mean CIELAB of the marked pixels; they must not be empty."""
    pixels = picture[mask]
    sparse = pixels[:: max(1, len(pixels) // 4000)]  # a mean needs no more
    return to_lab(sparse[None])[0].mean(axis=0)


def box_of(mask: np.ndarray, margin: int = 0) -> Box:
    """The box of a mask that is not empty, within the frame."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        max(0, int(columns[0]) - margin),
        max(0, int(rows[0]) - margin),
        min(mask.shape[1], int(columns[-1]) + 1 + margin),
        min(mask.shape[0], int(rows[-1]) + 1 + margin),
    )


def soft(mask: np.ndarray, sigma: float = 0.8) -> np.ndarray:
    """(H, W) float32 weight in 0..1 with an edge of about a pixel."""
    weight = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma)
    weight[weight < FAINTEST] = 0
    return weight


def blend(picture: np.ndarray, changed: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`changed` where the (H, W) weight is 1, `picture` where it is 0; uint8."""
    share = weight[..., None]
    return np.rint(picture * (1 - share) + changed * share).astype(np.uint8)


def blend_box(picture: np.ndarray, changed: np.ndarray, mask: np.ndarray, box: Box) -> np.ndarray:
    """The picture with a changed box put in through the soft full-frame mask."""
    x0, y0, x1, y1 = box
    result = picture.copy()
    weight = soft(mask[y0:y1, x0:x1])
    result[y0:y1, x0:x1] = blend(picture[y0:y1, x0:x1], changed, weight)
    return result


def differs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(H, W) bool: the pixels that are not the same."""
    gap = np.asarray(cv2.absdiff(first, second), np.uint8)
    return (gap[..., 0] | gap[..., 1] | gap[..., 2]) > 0


def visible(first: np.ndarray, second: np.ndarray, mask: np.ndarray) -> float:
    """Mean absolute difference inside the mask, of 255."""
    return float(np.abs(first[mask].astype(np.int16) - second[mask]).mean()) if mask.any() else 0.0


def extent(source: np.ndarray, ideal: np.ndarray, content: np.ndarray, margin: int = 2) -> np.ndarray:
    """(H, W) bool: the object, its shadow and rim, with everything that differs."""
    touched = (differs(source, ideal) | content).astype(np.uint8)
    if margin:
        touched = cv2.morphologyEx(touched, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        touched = cv2.dilate(touched, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8))
    return touched > 0


def bystanders(segments: Iterable[Segment], touched: np.ndarray) -> tuple[Segment, ...]:
    """The segments that an edit hardly touches."""
    return tuple(s for s in segments if s.mask.any() and touched[s.mask].mean() < MAX_OVERLAP)


def fitting(
    scene: Scene, rng: np.random.Generator, smallest: float, largest: float, *, things: bool = False
) -> list[Segment]:
    """Segments of an editable share of the frame, in random order, the named and the things first."""
    fit = [s for s in scene.segments if smallest <= s.mask.mean() <= largest and (s.is_thing or not things)]
    order = [fit[i] for i in rng.permutation(len(fit))]
    if rng.random() < 0.7:
        order.sort(key=lambda s: (s.name == UNNAMED, not s.is_thing))
    return order


def solidity(mask: np.ndarray) -> float:
    """The share of its convex hull that a shape fills; low for frames, bits and half-hidden things."""
    ys, xs = np.nonzero(mask)
    if len(ys) < 3:
        return 0.0
    hull = cv2.convexHull(np.stack([xs, ys], axis=1).astype(np.int32))
    return float(len(ys) / max(1.0, cv2.contourArea(hull)))
