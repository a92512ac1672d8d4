"""How does a surface look generated? Tiles, plastic, grids, ringing, flat tones, foreign grain, worms."""

from functools import partial

import cv2
import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.artifacts.brush import Layer, Patch, over_area
from training.flaws.places import smooth_noise
from training.flaws.scene import Random


def _tiles(patch: Patch, strength: float, random: Random) -> Layer | None:
    """One small swatch over and over; the broad light and shade stay."""
    side = int(np.clip(patch.size * random.uniform(0.15, 0.3), 10, 34))
    height, width = patch.alpha.shape
    if height <= side or width <= side:
        return None
    x, y = (
        int(np.clip(m + random.normal(0, 6), 0, e - side))
        for m, e in zip(patch.middle, (width, height), strict=True)
    )
    swatch = patch.pixels[y : y + side, x : x + side]
    swatch = np.concatenate([swatch, swatch[:, ::-1]], axis=1)
    swatch = np.concatenate([swatch, swatch[::-1]], axis=0)
    repeats = (height // (2 * side) + 1, width // (2 * side) + 1, 1)
    tiled = np.tile(swatch, repeats)[:height, :width]
    broad = cv2.GaussianBlur(patch.pixels, (0, 0), side)
    gain = 0.5 + 0.9 * strength
    return broad + gain * (tiled - cv2.GaussianBlur(tiled, (0, 0), side)), patch.alpha


def _plastic(patch: Patch, strength: float, random: Random) -> Layer:
    """Grain is wiped away, and the few edges left are drawn too firmly."""
    pixels = patch.pixels.astype(np.uint8)
    for _ in range(1 + int(strength > 0.5)):
        pixels = cv2.bilateralFilter(pixels, 7, 45 + 60 * strength, 5)
    smooth = cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 0.8 + strength)
    gray = smooth.mean(axis=2)
    levels = random.uniform(14, 26)
    ridge = np.abs(np.mod(gray + 3 * smooth_noise(gray.shape, 8, random), levels) - levels / 2) < 1.2
    lines = cv2.GaussianBlur(ridge.astype(np.float32), (0, 0), 0.8)
    sheen = (10 + 22 * strength) * lines * random.choice([-1, 1])
    return smooth + sheen[..., None], patch.alpha


def _grid(patch: Patch, strength: float, random: Random) -> Layer:
    """The checkerboard that transposed convolutions leave."""
    period = int(random.choice([2, 4, 4, 8]))
    rows, columns = np.indices(patch.alpha.shape)
    board = ((rows * 2 // period + columns * 2 // period) % 2) * 2.0 - 1
    if random.random() < 0.4:
        board = np.where((rows % period == 0) | (columns % period == 0), 1.6, -0.6)
    contrast = cv2.blur(np.abs(patch.pixels - cv2.blur(patch.pixels, (5, 5))).mean(axis=2), (9, 9))
    height = (4.5 + 15 * strength) * np.clip(0.7 + contrast / 20, 0.7, 1.5)
    tint = random.uniform(0.7, 1.1, 3)
    return patch.pixels + (board * height)[..., None] * tint, patch.alpha


def _crunchy(patch: Patch, strength: float, random: Random) -> Layer:
    width = random.uniform(0.9, 2.2)
    detail = patch.pixels - cv2.GaussianBlur(patch.pixels, (0, 0), width)
    ring = detail - cv2.GaussianBlur(detail, (0, 0), 2 * width)
    return patch.pixels + (0.9 + 3.2 * strength) * detail + (0.5 + strength) * ring, patch.alpha


def _posterised(patch: Patch, strength: float, random: Random) -> Layer:
    step = 22 + 44 * strength
    calm = cv2.GaussianBlur(patch.pixels, (0, 0), 1.2)
    offset = random.uniform(0, step, 3)
    return np.floor((calm + offset) / step) * step + step / 2 - offset, patch.alpha


def _foreign(patch: Patch, strength: float, random: Random) -> Layer | None:
    """The fine grain of something else: fur on a wall, leaves on a face."""
    height, width = patch.alpha.shape
    other = patch.other
    scale = max(1.0, (height + 2) / other.shape[0], (width + 2) / other.shape[1])
    if scale > 1:
        other = cv2.resize(other, None, fx=scale, fy=scale)
    y, x = (int(random.integers(0, o - e + 1)) for o, e in zip(other.shape[:2], (height, width), strict=True))
    grain = other[y : y + height, x : x + width].astype(np.float32).mean(axis=2)
    grain -= cv2.GaussianBlur(grain, (0, 0), 5)
    spread = float(np.sqrt((grain**2 * patch.alpha).sum() / (patch.alpha.sum() + 1e-6)))
    if spread < 3:
        return None
    own = cv2.GaussianBlur(patch.pixels, (0, 0), 2.5)
    return own + (grain * (9 + 24 * strength) / spread)[..., None], patch.alpha


def _worms(patch: Patch, strength: float, random: Random) -> Layer:
    """The curly filaments of a denoiser that stopped half-way."""
    width = random.uniform(2.2, 4.5)
    field = smooth_noise(patch.alpha.shape, width, random)
    bands = np.tanh(2.5 * (field - smooth_noise(patch.alpha.shape, 3 * width, random) * 0.4))
    own = cv2.GaussianBlur(patch.pixels, (0, 0), 1.0 + 1.5 * strength)
    tint = 1 + random.normal(0, 0.25, 3)
    return own + bands[..., None] * (6 + 17 * strength) * tint, patch.alpha


_of = partial(over_area, FlawType.UNNATURAL_TEXTURE)

GENERATORS = (
    _of(
        "tiles",
        _tiles,
        "the texture {where} repeats the same small swatch again and again",
        "a mirrored tile pattern replaces the natural surface {where}",
        detail=4,
    ),
    _of(
        "plastic",
        _plastic,
        "the surface {where} is smooth as plastic, its natural grain is gone",
        "{thing} looks like wax, with hard false contours instead of texture",
        detail=6,
    ),
    _of(
        "grid",
        _grid,
        "a regular grid lies over the surface {where}, as upsampling layers leave it",
        "a checkerboard pattern is visible {where}",
    ),
    _of(
        "crunchy",
        _crunchy,
        "the texture {where} is over-sharpened, with ringing along every edge",
        "{thing} looks crunchy and etched, unlike the rest of the photograph",
        detail=3,
    ),
    _of(
        "posterised",
        _posterised,
        "smooth shading {where} is cut into flat patches of tone",
        "{thing} is posterised: a few flat colors instead of a surface",
    ),
    _of(
        "foreign",
        _foreign,
        "a texture that belongs to something else covers the surface {where}",
        "{thing} has the grain of another material",
    ),
    _of(
        "worms",
        _worms,
        "curly worm-like filaments cover the surface {where}",
        "the texture {where} dissolves into blotchy squiggles",
    ),
)
