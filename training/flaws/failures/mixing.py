"""How does a change get into a picture, and where is it seen there?"""

import cv2
import numpy as np

from training.flaws.failures.shapes import grown, soft

THIRDS = np.full((1, 3), 1 / 3, np.float32)


def blended(base: np.ndarray, changed: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`changed` over `base`: (H, W, 3) uint8 each, with an (H, W) weight in 0..1."""
    mixed = base + (changed.astype(np.float32) - base) * weight[..., None]
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def levelled(
    base: np.ndarray, changed: np.ndarray, weight: np.ndarray, mask: np.ndarray, visible: float
) -> np.ndarray:
    """`changed` mixed into `base` so strongly that the mask differs by about `visible` of 255, if it can."""
    full = float((difference(base, changed) * weight)[mask].mean()) if mask.any() else 0.0
    return blended(base, changed, weight * min(1.0, visible / max(full, 1e-3)))


def confined(base: np.ndarray, changed: np.ndarray, mask: np.ndarray, edge_px: float) -> np.ndarray:
    """`changed` around a mask alone: what nobody would notice beyond it goes back to `base`."""
    return blended(base, changed, soft(grown(mask, 2), edge_px))


def difference(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """(H, W) float32: mean absolute difference over the colours."""
    return cv2.transform(cv2.absdiff(one, two).astype(np.float32), THIRDS)


def seen(before: np.ndarray, after: np.ndarray, within: np.ndarray, level: float = 5.0) -> np.ndarray:
    """(H, W) bool: the smooth outline of what visibly differs inside an area."""
    change = cv2.GaussianBlur(difference(before, after), (0, 0), 2.5) > level
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    closed = cv2.morphologyEx((change & within).astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    return _without_specks(closed > 0) & within


def _without_specks(mask: np.ndarray, share: float = 0.06) -> np.ndarray:
    """The mask less its pieces that are small against the largest one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.isin(labels, np.flatnonzero(areas >= max(1.0, share * areas.max())))
