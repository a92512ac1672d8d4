"""How salient is each flaw? Two absolute maps from the measured change and what of it was asked for."""

from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import EditKind
from services.perception.backends.change import Change, fine_detail, logistic
from services.perception.backends.instruction import Wish
from services.perception.backends.intent import Intent

STRICTER = 0.5  # log2: inside a requested recolouring, this much more detail must be lost to count
RING = 0.03  # of the longest side: the surroundings that a fill is held against
FILL_DETAIL = 1.8  # log2: a fill that is smoother than most of its surroundings by this is suspect
FILL_SOFTNESS = 0.3
SEAM_STEP = 9.0  # gray levels of step along a fill's border, beyond that of lines beside it
SEAM_SOFTNESS = 2.0
MIN_RING_DETAIL = 4.0  # gray levels: smoother surroundings cannot show that a fill is too smooth


@dataclass(frozen=True)
class FlawMaps:
    """(H, W) float32 in [0, 1] each."""

    artifact: np.ndarray
    failure: np.ndarray


def flaw_maps(edited: np.ndarray, change: Change, intent: Intent, wish: Wish) -> FlawMaps:
    """Outside the requested change every change counts; inside it only what no edit of its kind explains.

    `edited` is (H, W, 3) float32 RGB on 0..255.
    """
    near = cv2.dilate(intent.unintended.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    outside = near & ~intent.intended
    failure = np.where(outside, np.maximum(change.recolored, change.restructured), 0)
    artifact = np.where(outside, np.maximum(change.blurred, change.noisy), 0)
    match wish.kind:
        case EditKind.RECOLOR:
            inside = _lost_detail(change)
        case EditKind.REMOVE:
            inside = _bad_fill(edited, intent.intended)
        case EditKind.RESTORE if wish.reach == "part":
            inside = _bad_fill(edited, intent.intended)
        case _:
            inside = np.zeros_like(artifact)
    artifact = np.where(intent.intended, inside, artifact)
    return FlawMaps(artifact.astype(np.float32), failure.astype(np.float32))


def no_maps(shape: tuple[int, ...]) -> FlawMaps:
    """For pictures that cannot be compared: nothing can be said, and nothing is made up."""
    return FlawMaps(np.zeros(shape, np.float32), np.zeros(shape, np.float32))


def _lost_detail(change: Change) -> np.ndarray:
    """A new colour keeps the texture: where it is gone or noisy, the edit is flawed."""
    excess = np.abs(change.detail) - change.detail_floor - STRICTER
    return change.has_detail * logistic(excess / FILL_SOFTNESS)


def _bad_fill(edited: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """Smears and visible borders of what was put in place of something."""
    gray = cv2.cvtColor(edited, cv2.COLOR_RGB2GRAY)
    reach = max(3, round(RING * max(gray.shape)))
    found = np.zeros(gray.shape, np.float32)
    detail = np.sqrt(fine_detail(gray))
    for part in _large_parts(filled):
        ring = _grown(part, reach) & ~_grown(filled, 3)
        if ring.sum() < 50:
            continue
        usual = float(np.percentile(detail[ring], 25))
        mostly = float(np.percentile(detail[part], 60))  # a patch of sky in a fill is no smear
        smear = np.zeros_like(detail)
        if usual > MIN_RING_DETAIL and np.log2(usual / max(mostly, 0.5)) > FILL_DETAIL:
            smear = logistic((np.log2(usual / np.maximum(detail, 0.5)) - FILL_DETAIL) / FILL_SOFTNESS)
        found = np.maximum(found, np.where(part, np.maximum(smear, _seam(gray, part)), 0))
    return found


def _seam(gray: np.ndarray, part: np.ndarray) -> np.ndarray:
    """The border band of a fill, as salient as the step along it stands out from lines beside it."""
    smooth = cv2.GaussianBlur(gray, (0, 0), 1.0)
    slope = (cv2.Sobel(smooth, cv2.CV_32F, dx, 1 - dx, scale=0.25) for dx in (1, 0))
    steep = cv2.dilate(
        np.hypot(*slope), np.ones((5, 5), np.uint8)
    )  # the border is known to a few pixels only
    inner, outer = part & ~_shrunk(part, 2), _grown(part, 2) & ~part
    border = inner | outer
    beside = (_grown(part, 14) & ~_grown(part, 8)) | (_shrunk(part, 8) & ~_shrunk(part, 14))
    if not beside.any():
        return np.zeros_like(gray)
    step = float(np.median(steep[border])) - float(np.percentile(steep[beside], 75))
    return border * logistic(np.float32((step - SEAM_STEP) / SEAM_SOFTNESS))


def _large_parts(mask: np.ndarray) -> list[np.ndarray]:
    """Connected parts that are large enough to hold against their surroundings, largest first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    order = sorted(range(1, count), key=lambda label: -stats[label, cv2.CC_STAT_AREA])
    return [labels == label for label in order[:4] if stats[label, cv2.CC_STAT_AREA] > 0.002 * mask.size]


def _grown(mask: np.ndarray, radius: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * radius + 1,) * 2, np.uint8)) > 0


def _shrunk(mask: np.ndarray, radius: int) -> np.ndarray:
    return cv2.erode(mask.astype(np.uint8), np.ones((2 * radius + 1,) * 2, np.uint8)) > 0
