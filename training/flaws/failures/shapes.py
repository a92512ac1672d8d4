"""Which shapes do failures have? Blobs, ragged halves, soft edges, and the places that are free for them."""

import cv2
import numpy as np

from training.flaws.scene import Canvas, IdealEdit, Random

WHOLE_FRAME = 0.97  # share of the frame above which an edit leaves no outside
FEW_PX = 2  # beyond this, measuring distances is faster than dilating
RIM_PX = 6  # how far beyond its mask a flaw may reach


def grown(mask: np.ndarray, px: int) -> np.ndarray:
    """The mask widened (or, for negative `px`, narrowed) by so many pixels."""
    if px == 0:
        return mask
    if abs(px) > FEW_PX:
        outside = cv2.distanceTransform((mask ^ (px > 0)).astype(np.uint8), cv2.DIST_L2, 3)
        return outside <= px if px > 0 else outside > -px
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(px) + 1, 2 * abs(px) + 1))
    change = cv2.dilate if px > 0 else cv2.erode
    return change(mask.astype(np.uint8), kernel) > 0


def soft(mask: np.ndarray, px: float) -> np.ndarray:
    """(H, W) float32 in 0..1: the mask with an edge that fades within about `px` pixels."""
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.3, px / 2))


def waves(size: tuple[int, int], period_px: float, rng: Random) -> np.ndarray:
    """(H, W) float32 smooth noise, mean 0 and deviation 1, whose hills are about `period_px` wide."""
    height, width = size
    cells = (max(2, round(height / period_px) + 2), max(2, round(width / period_px) + 2))
    coarse = rng.standard_normal(cells).astype(np.float32)
    noise = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return (noise - noise.mean()) / (noise.std() + 1e-6)


def half(area: np.ndarray, share: float, rng: Random, *, ragged: float = 0.12) -> np.ndarray:
    """About `share` of an area: what lies on one side of a line, which is straight where `ragged` is 0."""
    ys, xs = np.nonzero(area)
    if len(ys) == 0:
        return area
    angle = rng.uniform(0, 2 * np.pi)
    extent = max(float(np.ptp(xs)), float(np.ptp(ys)), 4.0)
    rows, columns = np.mgrid[: area.shape[0], : area.shape[1]].astype(np.float32)
    height = (columns * np.cos(angle) + rows * np.sin(angle)) / extent
    if ragged > 0:
        height = height + ragged * waves(area.shape, extent / 4, rng)
    return area & (height < np.quantile(height[area], share))


def blob(area: np.ndarray, share: float, rng: Random) -> np.ndarray:
    """About `share` of an area: a rounded patch around a random point of it."""
    ys, xs = np.nonzero(area)
    if len(ys) == 0:
        return area
    at = int(rng.integers(len(ys)))
    rows, columns = np.mgrid[: area.shape[0], : area.shape[1]].astype(np.float32)
    stretch, angle = rng.uniform(1.0, 1.8), rng.uniform(0, np.pi)
    dx, dy = columns - xs[at], rows - ys[at]
    along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
    radius = max(2.0, float(np.sqrt(share * len(ys) / np.pi)))
    distance = np.hypot(along / stretch, across * stretch) / radius + 0.22 * waves(area.shape, radius, rng)
    return area & (distance < np.quantile(distance[area], share))


def everywhere(edit: IdealEdit) -> bool:
    """Whether the request is about the whole frame."""
    return float(edit.intended.mean()) > WHOLE_FRAME


def content_of(edit: IdealEdit) -> np.ndarray:
    """(H, W) bool: the changed object itself, or the changed place where the edit names no object."""
    return edit.intended if edit.content is None else edit.content


def mapped(mask: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(H, W) bool: the mask moved, turned or scaled by a (2, 3) matrix."""
    return cv2.warpAffine(mask.astype(np.uint8), matrix, mask.shape[::-1]) > 0


def free(canvas: Canvas) -> np.ndarray:
    """(H, W) bool: where nothing was asked for (or, for the whole frame, anywhere) and no flaw is yet."""
    used = grown(canvas.taken, 2 * RIM_PX)
    return ~used if everywhere(canvas.edit) else ~(used | grown(canvas.edit.intended, 2 * RIM_PX))


def spot(canvas: Canvas, rng: Random, share: float, *, detailed: bool = True) -> np.ndarray | None:
    """A patch of the free background, `share` of the frame large, rather where there is something to see."""
    room = free(canvas)
    if room.mean() < 2 * share:
        return None
    if detailed:
        gray = cv2.cvtColor(canvas.picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        detail = cv2.blur(np.abs(gray - cv2.blur(gray, (7, 7))), (31, 31))
        room = room & (detail >= np.quantile(detail[room], 0.4))
    mask = blob(room, share * room.size / max(1, int(room.sum())), rng)
    smooth = (soft(mask, 8) > 0.5) & free(canvas)
    return smooth if smooth.mean() > 0.5 * share else None
