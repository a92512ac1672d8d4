"""How does structure break? Melting, swirls, pinches, shards, ripples and drips."""

from functools import partial

import cv2
import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.artifacts.brush import Layer, Patch, over_area
from training.flaws.artifacts.warping import warped
from training.flaws.places import smooth_noise
from training.flaws.scene import Random

DETAIL = 6.0  # without structure nothing is seen to bend


def _bent(patch: Patch, dx: np.ndarray, dy: np.ndarray) -> Layer:
    """The patch displaced where its area is; the rim bends instead of fading, so nothing doubles."""
    calm = cv2.GaussianBlur(patch.alpha, (0, 0), max(1.5, patch.size / 14))
    fade = patch.alpha * calm
    return warped(patch.pixels, dx * fade, dy * fade), np.minimum(patch.alpha * 6, 1)


def _polar(patch: Patch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets from the middle of the area, and the distance in units of its radius."""
    height, width = patch.alpha.shape
    x, y = np.meshgrid(np.arange(width) - patch.middle[0], np.arange(height) - patch.middle[1])
    return x, y, np.hypot(x, y) / (0.6 * patch.size + 1)


def _melt(patch: Patch, strength: float, random: Random) -> Layer:
    reach = (0.05 + 0.16 * strength) * patch.size + 1.5
    width = max(4.0, patch.size * random.uniform(0.1, 0.22))
    dx, dy = (smooth_noise(patch.alpha.shape, width, random) * reach for _ in range(2))
    return _bent(patch, dx, dy)


def _swirl(patch: Patch, strength: float, random: Random) -> Layer:
    x, y, far = _polar(patch)
    angle = random.choice([-1, 1]) * (0.5 + 2.6 * strength) * np.exp(-(far**2))
    dx = x * (np.cos(angle) - 1) - y * np.sin(angle)
    dy = x * np.sin(angle) + y * (np.cos(angle) - 1)
    return _bent(patch, dx, dy)


def _pinch(patch: Patch, strength: float, random: Random) -> Layer:
    x, y, far = _polar(patch)
    pull = random.choice([-0.75, 1.0]) * (0.35 + 0.65 * strength) * np.exp(-(far**2) * 1.2)
    turn = random.uniform(0, np.pi)
    one_sided = random.random() < 0.6  # a stretch along one axis rather than a lens
    along = x * np.cos(turn) + y * np.sin(turn)
    dx = pull * (along * np.cos(turn) if one_sided else x)
    dy = pull * (along * np.sin(turn) if one_sided else y)
    return _bent(patch, dx, dy)


def _shards(patch: Patch, strength: float, random: Random) -> Layer:
    """Pieces of the surface slide past each other, as where a model lost track of a lattice or a wall."""
    count = int(random.integers(6, 16))
    rows, columns = np.indices(patch.alpha.shape, dtype=np.float32)
    inside = np.argwhere(patch.alpha > 0.3)
    if len(inside) < count:
        return patch.pixels, patch.alpha
    wobble = smooth_noise(patch.alpha.shape, max(4.0, patch.size / 6), random) * patch.size * 0.04
    seeds = inside[random.choice(len(inside), count, replace=False)]
    far = [(rows + wobble - y) ** 2 + (columns - wobble - x) ** 2 for y, x in seeds]
    cell = np.argmin(far, axis=0)
    reach = (0.05 + 0.13 * strength) * patch.size + 2
    shift = random.normal(0, reach, (count, 2)).astype(np.float32)
    dx, dy = (cv2.GaussianBlur(shift[:, i][cell], (0, 0), 0.8) for i in (0, 1))
    return warped(patch.pixels, dx, dy), np.minimum(patch.alpha * 3, 1)


def _ripple(patch: Patch, strength: float, random: Random) -> Layer:
    rows, columns = np.indices(patch.alpha.shape, dtype=np.float32)
    turn, length = random.uniform(0, np.pi), max(7.0, patch.size * random.uniform(0.12, 0.3))
    drift = smooth_noise(patch.alpha.shape, max(6.0, patch.size / 3), random)
    phase = (columns * np.cos(turn) + rows * np.sin(turn)) * 2 * np.pi / length + 1.3 * drift
    wave = np.sin(phase) * (0.12 + 0.3 * strength) * length
    return _bent(patch, -np.sin(turn) * wave, np.cos(turn) * wave)


def _drip(patch: Patch, strength: float, random: Random) -> Layer:
    """Everything runs down in strands, like wax."""
    width = patch.alpha.shape[1]
    strands = smooth_noise((1, width), max(3.0, patch.size / 9), random)
    down = np.maximum(strands + 0.5, 0) * (0.08 + 0.3 * strength) * patch.size
    dy = -np.broadcast_to(down, patch.alpha.shape)
    return _bent(patch, 0.15 * dy, dy)


_of = partial(over_area, FlawType.DISTORTED_STRUCTURE, detail=DETAIL)

GENERATORS = (
    _of(
        "melt",
        _melt,
        "the shapes {where} are warped and melt into each other",
        "{thing} looks melted: its lines wobble and no longer meet",
        "contours {where} are bent out of shape",
    ),
    _of(
        "swirl",
        _swirl,
        "the structure {where} is twisted into a swirl",
        "lines {where} turn round a point as if stirred",
    ),
    _of(
        "pinch",
        _pinch,
        "the structure {where} is stretched and squeezed out of proportion",
        "{thing} bulges as if seen through a lens",
    ),
    _of(
        "shards",
        _shards,
        "the surface {where} is broken into pieces that do not fit together",
        "edges {where} jump: fragments are displaced against each other",
    ),
    _of(
        "ripple",
        _ripple,
        "straight lines {where} have become wavy",
        "a ripple runs through the structure {where}, as in moving water",
    ),
    _of(
        "drip",
        _drip,
        "the structure {where} sags and runs down in strands",
        "{thing} seems to drip downwards like wax",
    ),
)
