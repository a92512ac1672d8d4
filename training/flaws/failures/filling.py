"""How does an editor paint over something? By a fitting piece from beside it, or by a smear."""

import cv2
import numpy as np

from training.flaws.failures.shapes import grown
from training.flaws.scene import Random

CANDIDATES = 48  # shifts tried for the piece that fits best
RING_PX = 7  # how much of the surroundings has to fit
EDGE_PX = 1.2


def _window(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    ys, xs = np.nonzero(mask)
    return (
        slice(max(0, int(ys.min()) - margin), int(ys.max()) + 1 + margin),
        slice(max(0, int(xs.min()) - margin), int(xs.max()) + 1 + margin),
    )


def spread(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(H, W, 3) float32: what is known, carried smoothly into what is not."""
    height, width = known.shape
    if min(height, width) <= 4:
        weight = known.astype(np.float32)[..., None]
        mean = (values * weight).sum(axis=(0, 1)) / max(1.0, float(weight.sum()))
        return np.where(known[..., None], values, mean).astype(np.float32)
    size = ((width + 1) // 2, (height + 1) // 2)
    weight = known.astype(np.float32)
    small_weight = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(values.astype(np.float32) * weight[..., None], size, interpolation=cv2.INTER_AREA)
    small = small / np.maximum(small_weight, 1e-4)[..., None]
    coarse = cv2.resize(spread(small, small_weight > 1e-3), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(known[..., None], values, coarse).astype(np.float32)


def _best_shift(
    picture: np.ndarray, hole: np.ndarray, avoid: np.ndarray, rng: Random
) -> tuple[int, int] | None:
    """The shift whose surroundings look most like those of the hole; None where none is clear of it."""
    height, width = hole.shape
    ring = grown(hole, RING_PX) & ~avoid
    hole_y, hole_x = np.nonzero(hole)
    ring_y, ring_x = np.nonzero(ring)
    if len(ring_y) < 20:
        return None
    hole_y, hole_x = hole_y[:: max(1, len(hole_y) // 300)], hole_x[:: max(1, len(hole_x) // 300)]
    ring_y, ring_x = ring_y[:: max(1, len(ring_y) // 400)], ring_x[:: max(1, len(ring_x) // 400)]
    wanted = picture[ring_y, ring_x].astype(np.float32)
    reach_y, reach_x = max(20, 2 * int(np.ptp(hole_y))), max(20, 2 * int(np.ptp(hole_x)))
    best, best_cost = None, np.inf
    for _ in range(CANDIDATES):
        dy, dx = int(rng.integers(-reach_y, reach_y + 1)), int(rng.integers(-reach_x, reach_x + 1))
        if rng.random() < 0.4:  # what repeats, repeats along the rows and horizons
            dy = 0
        y, x = hole_y + dy, hole_x + dx
        if y.min() < 0 or x.min() < 0 or y.max() >= height or x.max() >= width or avoid[y, x].mean() > 0.02:
            continue
        near_y, near_x = np.clip(ring_y + dy, 0, height - 1), np.clip(ring_x + dx, 0, width - 1)
        offset = picture[near_y, near_x] - wanted
        cost = float(np.abs(offset).mean() - 0.5 * np.abs(offset.mean(axis=0)).mean())
        if cost < best_cost:
            best, best_cost = (dy, dx), cost
    return best


def filled(picture: np.ndarray, hole: np.ndarray, rng: Random, avoid: np.ndarray | None = None) -> np.ndarray:
    """The picture with a hole closed by the best fitting piece, its light matched to the rim all around.

    Nothing is taken from `avoid`. Where no piece is clear of it, the surroundings are carried in smoothly.
    """
    hole = grown(hole, 2)
    avoid = hole if avoid is None else (hole | avoid)
    window = _window(hole, 16)
    shift = _best_shift(picture, hole, avoid, rng)
    inner = hole[window]
    if shift is None:
        piece = cv2.GaussianBlur(picture, (0, 0), 1.5)[window].astype(np.float32)
        patch = spread(piece, ~inner)
        patch += _grain(picture, avoid, inner.shape, rng)
    else:
        move = np.array([[1, 0, -shift[1]], [0, 1, -shift[0]]], np.float32)
        moved = cv2.warpAffine(picture, move, hole.shape[::-1], borderMode=cv2.BORDER_REFLECT)
        piece, base = moved[window].astype(np.float32), picture[window].astype(np.float32)
        rim = ~inner & grown(inner, 5)
        smooth = cv2.blur(base - piece, (5, 5))
        patch = piece + np.clip(spread(np.where(rim[..., None], smooth, 0.0), rim), -60, 60)
    weight = cv2.GaussianBlur(inner.astype(np.float32), (0, 0), EDGE_PX)[..., None]
    result = picture.copy()
    mixed = picture[window] * (1 - weight) + patch * weight
    result[window] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return result


def _grain(picture: np.ndarray, avoid: np.ndarray, size: tuple[int, int], rng: Random) -> np.ndarray:
    fine = picture.astype(np.float32) - cv2.GaussianBlur(picture, (0, 0), 1.5)
    known = fine[~avoid]
    deviation = float(known.std()) if known.size else 2.0
    return rng.standard_normal((*size, 1)).astype(np.float32) * min(4.0, deviation)


def smeared(picture: np.ndarray, hole: np.ndarray, rng: Random) -> np.ndarray:
    """The picture with a hole covered by streaks of what lies beside it, as weak inpainting leaves them."""
    window = _window(hole, 24)
    inner = hole[window]
    carried = spread(picture[window].astype(np.float32), ~grown(inner, 1))
    noise = rng.standard_normal(inner.shape).astype(np.float32)
    length = int(rng.integers(9, 23))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    centre, reach = length / 2, length / 2 * np.array([np.cos(angle), np.sin(angle)])
    start, end = centre - reach, centre + reach
    cv2.line(kernel, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), 1.0, 1)
    streaks = cv2.filter2D(noise, -1, kernel / max(1.0, float(kernel.sum())))
    carried += (streaks / (streaks.std() + 1e-6) * rng.uniform(2, 6))[..., None]
    weight = cv2.GaussianBlur(inner.astype(np.float32), (0, 0), EDGE_PX)[..., None]
    result = picture.copy()
    mixed = picture[window] * (1 - weight) + carried * weight
    result[window] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return result
