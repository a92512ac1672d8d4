"""When is a painted failure a fair example? When it is large enough, visible, and alone."""

from collections.abc import Callable

import cv2
import numpy as np

from training.flaws.failures.shapes import RIM_PX, grown
from training.flaws.scene import Canvas, Painted, Random

MIN_VISIBLE = 4.0  # mean absolute difference to the ideal inside the mask, of 255; less is re-encoding noise
THIRDS = np.full((1, 3), 1 / 3, np.float32)
MIN_AREA = 0.003
MAX_AREA = 0.13
MAX_TAKEN = 0.15  # share of a mask that may already be flawed
VISIBLE = (6.0, 17.0, 40.0)
"""Mean absolute difference, of 255, that a change of colour or light makes at strength 0, a half and 1."""


def visibility(strength: float) -> float:
    """How much a change of colour, light or texture should differ from the ideal, of 255."""
    return float(np.interp(strength, (0.0, 0.5, 1.0), VISIBLE))


def between(strength: float, weak: float, gross: float) -> float:
    """A parameter that grows (or falls) with strength."""
    return weak + (gross - weak) * float(np.clip(strength, 0, 1))


def blended(base: np.ndarray, changed: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`changed` over `base`: (H, W, 3) uint8 each, with an (H, W) weight in 0..1."""
    mixed = base + (changed.astype(np.float32) - base) * weight[..., None]
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def difference(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """(H, W) float32: mean absolute difference over the colours."""
    return cv2.transform(cv2.absdiff(one, two).astype(np.float32), THIRDS)


def levelled(
    base: np.ndarray, changed: np.ndarray, weight: np.ndarray, mask: np.ndarray, visible: float
) -> np.ndarray:
    """`changed` mixed into `base` so strongly that the mask differs by about `visible` of 255, if it can."""
    full = float((difference(base, changed) * weight)[mask].mean()) if mask.any() else 0.0
    return blended(base, changed, weight * min(1.0, visible / max(full, 1e-3)))


def seen(before: np.ndarray, after: np.ndarray, within: np.ndarray, level: float = 5.0) -> np.ndarray:
    """(H, W) bool: the smooth outline of what visibly differs inside an area."""
    change = cv2.GaussianBlur(difference(before, after), (0, 0), 2.5) > level
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    closed = cv2.morphologyEx((change & within).astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    return without_specks(closed > 0) & within


def without_specks(mask: np.ndarray, share: float = 0.06) -> np.ndarray:
    """The mask less its pieces that are small against the largest one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.isin(labels, np.flatnonzero(areas >= max(1.0, share * areas.max())))


def finished(
    canvas: Canvas,
    picture: np.ndarray,
    mask: np.ndarray,
    description: str,
    *,
    largest: float = MAX_AREA,
    thing: np.ndarray | None = None,
) -> Painted | None:
    """The flaw, kept within its rim; None where it is too small, too large, unseen or not alone."""
    area = float(mask.mean())
    if not MIN_AREA <= area <= largest or (mask & canvas.taken).sum() > MAX_TAKEN * mask.sum():
        return None
    picture = np.where(grown(mask, RIM_PX)[..., None], picture, canvas.picture)
    against_ideal = float(difference(picture, canvas.edit.ideal)[mask].mean())
    against_before = float(difference(picture, canvas.picture)[mask].mean())
    if min(against_ideal, against_before) < MIN_VISIBLE:
        return None
    return Painted(picture, mask, description, thing)


def said(rng: Random, *wordings: str) -> str:
    """One of several wordings."""
    return wordings[int(rng.integers(len(wordings)))]


def named(target: str) -> str:
    """How a description calls the target of an edit."""
    if not target:
        return "the target"
    return target if target.split()[0].lower() in {"the", "a", "an"} else f"the {target}"


def called(name: str) -> str:
    """How a description calls a segment."""
    return "a part of the background" if name in {"", "area"} else f"the {name}"


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def whereabouts(mask: np.ndarray) -> str:
    """Where in the frame a mask is, in words."""
    ys, xs = np.nonzero(mask)
    if len(ys) == 0:
        return "in the picture"
    row = ("upper", "", "lower")[min(2, int(3 * ys.mean() / mask.shape[0]))]
    column = ("left", "", "right")[min(2, int(3 * xs.mean() / mask.shape[1]))]
    if not row and not column:
        return "near the centre"
    if not row:
        return f"at the {column}"
    return f"at the {row} {column}" if column else f"in the {row} middle"


def first_fit(attempts: int, attempt: Callable[[], Painted | None]) -> Painted | None:
    """The first of some random attempts that makes a fair example."""
    for _ in range(attempts):
        flaw = attempt()
        if flaw is not None:
            return flaw
    return None
