"""What do materials look like? Procedural textures, (H, W, 3) float32 in 0..1."""

from collections.abc import Callable

import cv2
import numpy as np

from training.flaws.scene import Random

Texture = Callable[[int, int, float, Random], np.ndarray]
"""(height, width, length of a pattern unit in pixels, random) -> texture."""

PAIRS = (
    ((0.9, 0.88, 0.82), (0.25, 0.3, 0.5)), ((0.92, 0.9, 0.85), (0.65, 0.2, 0.2)),
    ((0.1, 0.1, 0.12), (0.92, 0.92, 0.92)), ((0.85, 0.75, 0.4), (0.2, 0.4, 0.35)),
    ((0.9, 0.7, 0.75), (0.55, 0.25, 0.5)), ((0.75, 0.85, 0.9), (0.2, 0.45, 0.7)),
)  # fmt: skip
"""Two colours that patterns are printed in."""


def noise(height: int, width: int, cell: tuple[float, float], rng: Random, octaves: int = 4) -> np.ndarray:
    """(H, W) float32 in 0..1: fractal noise whose coarsest cells are `cell` (y, x) pixels."""
    total, weight = np.zeros((height, width), np.float32), 0.0
    for octave in range(octaves):
        rows = max(2, round(height / cell[0] * 2**octave) + 1)
        columns = max(2, round(width / cell[1] * 2**octave) + 1)
        grid = rng.random((min(rows, height + 1), min(columns, width + 1)), np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
        weight += 1 / 2**octave
    return np.clip(total / weight, 0, 1)


def _mix(share: np.ndarray, first: tuple[float, ...], second: tuple[float, ...]) -> np.ndarray:
    weight = np.clip(share, 0, 1)[..., None].astype(np.float32)
    return np.array(first, np.float32) * (1 - weight) + np.array(second, np.float32) * weight


def _grid(height: int, width: int, rng: Random) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns, slightly turned, as nothing in a photograph is quite level."""
    angle = rng.uniform(-0.12, 0.12)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)


def _wood(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    _, x = _grid(height, width, rng)
    warp = noise(height, width, (unit * 10, unit * 2.5), rng, 2)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (x / (unit * 1.3) + 4 * warp))
    fibre = noise(height, width, (unit * 2, max(1.5, unit / 10)), rng, 2)
    return _mix(0.65 * rings + 0.5 * (fibre - 0.2), (0.78, 0.58, 0.36), (0.42, 0.26, 0.13))


def _marble(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    coarse = noise(height, width, (unit * 5, unit * 5), rng, 5)
    veins = np.clip(1 - np.abs(coarse - 0.5) * 22, 0, 1)
    cloud = noise(height, width, (unit * 3, unit * 3), rng, 3)
    return _mix(0.75 * veins + 0.35 * cloud, (0.96, 0.95, 0.93), (0.42, 0.42, 0.46))


def _brick(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    y, x = _grid(height, width, rng)
    high, wide = max(4.0, unit * 0.9), max(9.0, unit * 2.1)
    row = np.floor(y / high).astype(int)
    across = x / wide + 0.5 * (row % 2)
    column = np.floor(across).astype(int)
    table = rng.random((64, 64)).astype(np.float32)
    bricks = _mix(0.7 * table[row % 64, column % 64], (0.66, 0.3, 0.22), (0.42, 0.18, 0.14))
    joint = np.minimum(0.5 - np.abs(y / high % 1 - 0.5), (0.5 - np.abs(across % 1 - 0.5)) * wide / high)
    mortar = np.clip(1.5 - joint * high * 0.7, 0, 1)[..., None]
    grain = (noise(height, width, (3, 3), rng, 1)[..., None] - 0.5) * 0.14
    return bricks * (1 - mortar) + np.array([0.74, 0.71, 0.66], np.float32) * mortar + grain


def _metal(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    _, x = _grid(height, width, rng)
    brushed = noise(height, width, (1.5, unit * 4), rng, 1)
    gleam = 0.5 + 0.5 * np.sin(x / (unit * 2.2) + 5 * noise(height, width, (unit * 8, unit * 8), rng, 1))
    return _mix(0.75 * gleam + 0.3 * brushed, (0.36, 0.38, 0.42), (0.93, 0.94, 0.96))


def _knit(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    y, x = _grid(height, width, rng)
    step = max(6.0, unit * 0.7)
    side = np.abs(x / step % 1 - 0.5) * 2
    loop = 0.5 + 0.5 * np.cos(2 * np.pi * (y / step + 0.55 * side))
    stitch = loop * np.clip(side * (1 - side) * 5, 0, 1)
    dark, light = PAIRS[int(rng.integers(len(PAIRS)))][1], PAIRS[int(rng.integers(len(PAIRS)))][0]
    yarn = tuple(0.5 * (d + w) for d, w in zip(dark, light, strict=True))
    return _mix(stitch, tuple(0.4 * c for c in yarn), yarn)


def _denim(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    y, x = _grid(height, width, rng)
    twill = 0.5 + 0.5 * np.sin(2 * np.pi * (x + y) / max(3.0, unit / 4))
    worn = noise(height, width, (unit * 4, unit * 4), rng, 3)
    return _mix(0.45 * twill + 0.7 * worn - 0.1, (0.12, 0.2, 0.38), (0.5, 0.6, 0.75))


def _stone(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    rough = noise(height, width, (unit, unit), rng, 5)
    speckle = noise(height, width, (2, 2), rng, 1)
    return _mix(1.4 * rough - 0.3 + 0.3 * (speckle - 0.5), (0.36, 0.35, 0.33), (0.76, 0.74, 0.7))


def _leather(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    cells = noise(height, width, (unit / 2, unit / 2), rng, 2)
    creases = np.clip(1 - np.abs(cells - 0.5) * 14, 0, 1)
    patina = noise(height, width, (unit * 4, unit * 4), rng, 2)
    return _mix(0.6 * creases + 0.4 * patina, (0.5, 0.29, 0.16), (0.22, 0.11, 0.06))


def _concrete(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    stains = noise(height, width, (unit * 6, unit * 6), rng, 4)
    pores = np.clip((noise(height, width, (3, 3), rng, 1) - 0.82) * 8, 0, 1)
    return _mix(0.6 * stains + 0.5 * pores, (0.74, 0.73, 0.71), (0.45, 0.45, 0.45))


def _checker(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    y, x = _grid(height, width, rng)
    sharp = max(2.0, unit / 3)
    wave = np.sin(np.pi * y / unit) * np.sin(np.pi * x / unit)
    return _mix(0.5 + wave * sharp, *PAIRS[int(rng.integers(len(PAIRS)))])


def _striped(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    y, x = _grid(height, width, rng)
    along = [y, x, x + y][int(rng.integers(3))]
    return _mix(
        0.5 + np.sin(np.pi * along / unit) * max(1.5, unit / 4), *PAIRS[int(rng.integers(len(PAIRS)))]
    )


def _dotted(height: int, width: int, unit: float, rng: Random) -> np.ndarray:
    y, x = _grid(height, width, rng)
    row = np.floor(y / unit)
    radius = np.hypot(y / unit % 1 - 0.5, (x / unit + 0.5 * (row % 2)) % 1 - 0.5)
    return _mix(0.5 + (0.28 - radius) * unit, *PAIRS[int(rng.integers(len(PAIRS)))])


TEXTURES: dict[str, tuple[Texture, tuple[str, ...]]] = {
    "wood": (_wood, ("wood", "dark wood")),
    "marble": (_marble, ("marble", "white marble")),
    "brick": (_brick, ("brick", "bricks")),
    "metal": (_metal, ("metal", "brushed metal", "chrome")),
    "knit": (_knit, ("knitted wool", "knitted fabric", "knit")),
    "denim": (_denim, ("denim",)),
    "stone": (_stone, ("stone", "rough stone")),
    "leather": (_leather, ("leather",)),
    "concrete": (_concrete, ("concrete",)),
    "checker": (_checker, ("checkered", "chequered", "checkerboard")),
    "striped": (_striped, ("striped",)),
    "dotted": (_dotted, ("polka dot", "dotted")),
}
"""Each material with its painter and the words for it."""

PATTERNS = frozenset({"checker", "striped", "dotted"})
