"""How does content come twice? Copied things, mirrored twins, moved patches, rows of repeats, ghosts."""

from functools import partial

import cv2
import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.artifacts.brush import Layer, Patch, over_area, over_thing
from training.flaws.artifacts.warping import carried
from training.flaws.scene import Random


def _placed(patch: Patch, matrix: np.ndarray) -> Layer:
    """The thing and its soft mask, moved."""
    size = (patch.alpha.shape[1], patch.alpha.shape[0])
    moved = carried(patch.pixels, matrix)
    return moved, cv2.warpAffine(patch.alpha, matrix, size)


def _beside(
    patch: Patch,
    random: Random,
    *,
    mirror: bool = False,
    scale: float = 1.0,
    least: float = 0.55,
    reach: float = 1.0,
) -> np.ndarray | None:
    """A matrix that sets the thing next to itself, where most of the copy lies on allowed ground."""
    _, _, w, h = cv2.boundingRect((patch.alpha > 0.5).astype(np.uint8))
    x, y = patch.middle
    thin = patch.alpha[::4, ::4]
    free = (patch.allowed & (patch.alpha < 0.3)).astype(np.float32)[::4, ::4]
    for _ in range(10):
        turn = random.choice([0, np.pi]) + random.normal(0, 0.5)
        if random.random() < 0.25:
            turn += np.pi / 2
        way = reach * random.uniform(0.55, 0.95)
        sx = -scale if mirror else scale
        matrix = np.array(
            [
                [sx, 0, x - sx * x + way * w * np.cos(turn)],
                [0, scale, y - scale * y + way * h * np.sin(turn)],
            ],
            np.float32,
        )
        coarse = matrix.copy()
        coarse[:, 2] /= 4
        copy = cv2.warpAffine(thin, coarse, (thin.shape[1], thin.shape[0]))
        if (copy * free).sum() > least * thin.sum() * scale**2:
            return matrix
    return None


def _copied(patch: Patch, strength: float, random: Random, *, mirror: bool = False) -> Layer | None:
    matrix = _beside(patch, random, mirror=mirror, scale=random.uniform(0.75, 1.05))
    if matrix is None:
        return None
    pixels, alpha = _placed(patch, matrix)
    behind = alpha * (1 - patch.alpha)  # the first one stays in front of its twin
    return pixels * random.uniform(0.93, 1.05), behind * (0.45 + 0.55 * min(1, 2 * strength))


def _mirrored(patch: Patch, strength: float, random: Random) -> Layer | None:
    return _copied(patch, strength, random, mirror=True)


def _ghost(patch: Patch, strength: float, random: Random) -> Layer | None:
    matrix = _beside(patch, random, reach=0.6, least=0.25)
    if matrix is None:
        return None
    pixels, alpha = _placed(patch, matrix)
    soft = cv2.GaussianBlur(pixels, (0, 0), 1.2)
    return soft, alpha * (1 - patch.alpha) * (0.25 + 0.4 * strength)


def _moved_patch(patch: Patch, strength: float, random: Random) -> Layer | None:
    """A piece of the surroundings appears a second time, its rim feathered."""
    turn = random.uniform(0, 2 * np.pi)
    reach = patch.size * random.uniform(0.9, 1.3)
    dx, dy = reach * np.cos(turn), reach * np.sin(turn)
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    moved = carried(patch.pixels, matrix)
    weight = patch.alpha[..., None]
    lift = ((patch.pixels - moved) * weight).sum(axis=(0, 1)) / (weight.sum() + 1e-6)
    return moved + np.clip(lift, -25, 25) * 0.8, patch.alpha * (0.5 + 0.5 * min(1, 2 * strength))


def _row(patch: Patch, strength: float, random: Random) -> Layer | None:
    """One small piece stands there three to five times in a row."""
    turn = random.choice([0, np.pi / 2]) + random.normal(0, 0.15)
    count = int(random.integers(3, 6))
    step = patch.size * random.uniform(0.28, 0.4)
    x, y = patch.middle
    rows, columns = np.indices(patch.alpha.shape, dtype=np.float32)
    far = np.hypot(columns - x, rows - y) / (0.5 * step)
    stamp = np.clip((1.25 - far) / 0.4, 0, 1).astype(np.float32)
    size = (patch.alpha.shape[1], patch.alpha.shape[0])
    pixels, show = patch.pixels.copy(), np.zeros(patch.alpha.shape, np.float32)
    for k in range(count):
        way = step * (k - (count - 1) / 2)
        matrix = np.array([[1, 0, way * np.cos(turn)], [0, 1, way * np.sin(turn)]], np.float32)
        weight = cv2.warpAffine(stamp, matrix, size)[..., None]
        moved = carried(patch.pixels, matrix)
        pixels += weight * (moved - pixels)
        show = np.maximum(show, weight[..., 0])
    return pixels, show * (0.5 + 0.5 * min(1, 2 * strength))


_thing = partial(over_thing, FlawType.DUPLICATED_CONTENT, largest=0.12)
_spot = partial(over_area, FlawType.DUPLICATED_CONTENT, detail=7, shares=(0.008, 0.08))

GENERATORS = (
    _thing(
        "twin",
        _copied,
        "{thing} appears a second time right beside itself",
        "there is a copy of {thing} that should not be there",
    ),
    _thing(
        "mirrored",
        _mirrored,
        "a mirrored twin of {thing} stands next to it",
        "{thing} is repeated as its own mirror image",
    ),
    _thing(
        "ghost",
        _ghost,
        "a transparent ghost of {thing} hangs beside it",
        "{thing} is echoed by a faint second copy",
    ),
    _spot(
        "moved_patch",
        _moved_patch,
        "the same detail appears twice {where}",
        "a piece of the picture {where} is cloned from right beside it",
    ),
    _spot(
        "row",
        _row,
        "one small element is repeated several times in a row {where}",
        "the pattern {where} stutters: the same spot again and again",
    ),
)
