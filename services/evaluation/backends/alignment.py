"""How does the source lie on the edited picture, in place and in tone?"""

import cv2
import numpy as np

SEARCH_SIDES = (320, 640)  # longest sides on which the place is searched and then refined, px
ROUNDS = (10, 4)  # Gauss-Newton steps on each
POINTS = 16_000  # pixels of the steepest slope that have a say: flat ones tell nothing about place
MIN_GAIN = 0.06  # an alignment is taken when it leaves at least this much less difference than none
MAX_SHIFT, MAX_SCALE = 0.05, 0.06  # of the longest side, and of 1: beyond them the picture was composed anew
MAX_DRIFT = 60.0  # levels: a tone further off is an edit of its own, not drift


def place(source: np.ndarray, edited: np.ndarray) -> np.ndarray:
    """2x3 affine from edited pixels to source pixels, for two (H, W) uint8 grays of one size.

    The identity where nothing else fits clearly better.
    """
    identity = np.eye(2, 3)
    pairs = [tuple(_relief(gray, side) for gray in (source, edited)) for side in SEARCH_SIDES]
    a, b = pairs[0]
    untouched = _difference(a, b, identity)
    if untouched < 1e-3:
        return identity
    (dx, dy), _ = cv2.phaseCorrelate(b, a, cv2.createHanningWindow(a.shape[::-1], cv2.CV_32F))
    shifted = np.array([[1, 0, dx], [0, 1, dy]])
    found = min((identity, shifted), key=lambda start: _difference(a, b, start))
    for (x, y), rounds, side in zip(pairs, ROUNDS, (max(a.shape), max(pairs[1][0].shape)), strict=True):
        found = _refined(x, y, _rescaled(found, side / max(a.shape)), rounds)
        found = _rescaled(found, max(a.shape) / side)
    near = (
        np.abs(found[:, 2]).max() < MAX_SHIFT * max(a.shape)
        and np.abs(found - identity)[:, :2].max() < MAX_SCALE
    )
    if not near or _difference(a, b, found) > (1 - MIN_GAIN) * untouched:
        return identity
    return _rescaled(found, max(edited.shape) / max(a.shape))


def warped(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The source in the frame of the edited picture; the very same array under the identity."""
    if np.allclose(matrix, np.eye(2, 3), atol=1e-4):
        return picture
    height, width = picture.shape[:2]
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)


def tone(source: np.ndarray, edited: np.ndarray, degree: int) -> np.ndarray:
    """(1, 256, 3) uint8 table that brings the source to the tone of the edited picture.

    From (N, 3) colours 0..255, robust against places that differ. Degree 1 allows light and colour to
    drift, 3 a curve as a change of the whole tone makes it.
    """
    levels = np.arange(256, dtype=np.float64)
    table = np.stack([levels] * 3, axis=1)
    for channel in range(3):
        x, y = source[:, channel].astype(np.float64), edited[:, channel].astype(np.float64)
        weight = _kept(y - x - np.median(y - x), 2.0 if degree == 1 else 8.0)
        curve = levels
        for _ in range(5):
            curve = _curve(x, y, weight, degree)
            weight = _kept(y - np.interp(x, levels, curve), 1.0)
        if degree > 1 or np.abs(curve - levels).max() < MAX_DRIFT:
            table[:, channel] = curve
    return np.rint(table.clip(0, 255)).astype(np.uint8)[None]


def _curve(x: np.ndarray, y: np.ndarray, weight: np.ndarray, degree: int) -> np.ndarray:
    """Weighted polynomial y - x over the 256 levels, held near 0 where no colours are."""
    basis = np.vander(x / 255, degree + 1)
    root = weight[:, None]
    square = basis.T @ (basis * root) + np.eye(degree + 1) * (2e-3 * len(x))
    bend = np.linalg.solve(square, basis.T @ (weight * (y - x)))
    levels = np.arange(256, dtype=np.float64)
    inside = levels.clip(*np.percentile(x, (1, 99)))  # a polynomial is not to be trusted beyond its colours
    return levels + np.vander(inside / 255, degree + 1) @ bend


def _kept(residual: np.ndarray, least: float) -> np.ndarray:
    """Tukey's weights: 1 where the residual is small against its median, 0 far out."""
    limit = 4.0 * max(least, float(np.median(np.abs(residual))))
    return np.clip(1 - (residual / limit) ** 2, 0, None) ** 2


def _refined(a: np.ndarray, b: np.ndarray, start: np.ndarray, rounds: int) -> np.ndarray:
    """Affine by robust Gauss-Newton steps on the steepest pixels of the edited picture."""
    gx, gy = cv2.Sobel(b, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(b, cv2.CV_32F, 0, 1, scale=1 / 8)
    steep = (gx * gx + gy * gy).ravel()
    chosen = np.argpartition(steep, -min(POINTS, steep.size))[-min(POINTS, steep.size) :]
    y, x = np.divmod(chosen, b.shape[1])
    u, v = gx.ravel()[chosen], gy.ravel()[chosen]
    half = max(b.shape) / 2
    cx, cy = (x - b.shape[1] / 2) / half, (y - b.shape[0] / 2) / half
    slopes = np.stack([u * cx, u * cy, u, v * cx, v * cy, v], axis=1)  # (N, 6) gray levels per unit
    found = start.copy()
    for _ in range(rounds):
        residual = (warped(a, found).ravel()[chosen] - b.ravel()[chosen]).astype(np.float64)
        weighted = slopes * _kept(residual, 2.0)[:, None]
        step = np.linalg.lstsq(weighted.T @ slopes + 1e-3 * np.eye(6), weighted.T @ residual, rcond=None)[0]
        found = _composed(found, -step.reshape(2, 3), half, b.shape)
        if np.abs(step).max() < 2e-3:
            break
    return found


def _composed(found: np.ndarray, step: np.ndarray, half: float, shape: tuple[int, ...]) -> np.ndarray:
    """First the step, given in units of half a side from the middle, then what was found."""
    linear = np.eye(2) + step[:, :2] / half
    middle = np.array([shape[1] / 2, shape[0] / 2])
    offset = step[:, 2] + middle - linear @ middle
    return np.hstack([found[:, :2] @ linear, (found[:, :2] @ offset + found[:, 2])[:, None]])


def _difference(a: np.ndarray, b: np.ndarray, matrix: np.ndarray) -> float:
    """Mean difference of the better 70 %, so that what was edited has no say."""
    rest = np.abs(warped(a, matrix) - b).ravel()
    kept = int(rest.size * 0.7)
    return float(np.partition(rest, kept)[:kept].mean())


def _relief(gray: np.ndarray, side: int) -> np.ndarray:
    """(h, w) float32 of at most that side: edges and texture without light and shade."""
    height, width = gray.shape
    scale = min(1.0, side / max(height, width))
    size = max(8, round(width * scale)), max(8, round(height * scale))
    small = cv2.GaussianBlur(
        cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.float32), (0, 0), 1.0
    )
    return small - cv2.blur(small, (31, 31))


def _rescaled(matrix: np.ndarray, scale: float) -> np.ndarray:
    """The same map for pictures `scale` times as large."""
    return np.hstack([matrix[:, :2], matrix[:, 2:] * scale])
