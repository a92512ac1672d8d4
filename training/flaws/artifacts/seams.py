"""How does a join show? Tone steps, halos, cut edges, double edges, matte lines and tile borders."""

from functools import partial

import cv2
import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.artifacts.brush import Layer, Patch, over_area, over_thing
from training.flaws.artifacts.warping import carried
from training.flaws.places import smooth_noise
from training.flaws.scene import Random


def _distances(patch: Patch) -> tuple[np.ndarray, np.ndarray]:
    """How far every pixel is inside the thing, and how far outside it."""
    mask = (patch.alpha > 0.5).astype(np.uint8)
    return cv2.distanceTransform(mask, cv2.DIST_L2, 5), cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)


def _stretch(patch: Patch, random: Random, least: float) -> np.ndarray:
    """(h, w) float32: 1 along a part of the outline, since few joins fail all the way round."""
    if random.random() < 0.35:
        return np.ones(patch.alpha.shape, np.float32)
    field = smooth_noise(patch.alpha.shape, max(8.0, patch.size * 0.6), random)
    return np.clip((field - np.quantile(field, 1 - random.uniform(least, 0.9))) * 4, 0, 1)


def _halo(patch: Patch, strength: float, random: Random) -> Layer:
    _, outside = _distances(patch)
    width = random.uniform(2.5, 4) + 5 * strength
    glow = np.exp(-((outside / width) ** 2)) * (outside > 0)
    bright = random.random() < 0.65
    color = random.uniform(215, 255, 3) if bright else random.uniform(0, 45, 3)
    show = glow * _stretch(patch, random, 0.5) * (0.22 + 0.68 * strength)
    return np.broadcast_to(color, patch.pixels.shape), show


def _cut_edge(patch: Patch, strength: float, random: Random) -> Layer:
    """The outline as scissors and a coarse mask leave it: stair-steps with bits of the wrong side."""
    inside, outside = _distances(patch)
    cell = round(3 + 4 * strength)
    band = 2.0 + 4 * strength
    height, width = patch.alpha.shape
    coarse = cv2.resize(
        (inside - outside) + random.uniform(-1, 1) * band / 2,
        (max(2, width // cell), max(2, height // cell)),
        interpolation=cv2.INTER_AREA,
    )
    stepped = cv2.resize((coarse > 0).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    object_colors = _spread(patch.pixels, inside > 2)
    ground_colors = _spread(patch.pixels, outside > 2)
    pixels = np.where(stepped[..., None], object_colors, ground_colors)
    near = np.clip((band + 2 - np.maximum(inside, outside)) / 1.5, 0, 1)
    return pixels, near * _stretch(patch, random, 0.5)


def _double_edge(patch: Patch, strength: float, random: Random) -> Layer:
    """A second, fainter outline runs beside the first."""
    inside, outside = _distances(patch)
    reach = random.uniform(4, 6) + 6 * strength
    turn = random.uniform(0, 2 * np.pi)
    shift = np.array([[1, 0, reach * np.cos(turn)], [0, 1, reach * np.sin(turn)]], np.float32)
    size = (patch.alpha.shape[1], patch.alpha.shape[0])
    moved = carried(patch.pixels, shift)
    rim = cv2.warpAffine(np.exp(-((inside / (reach * 0.9)) ** 2)) * (inside > 0), shift, size)
    show = rim * (outside > 0.5) * (0.45 + 0.5 * strength)
    return moved, np.clip(cv2.GaussianBlur(show.astype(np.float32), (0, 0), 0.8), 0, 1)


def _matte_line(patch: Patch, strength: float, random: Random) -> Layer:
    """Leftover of another background along the outline: a thin line in a color of its own."""
    inside, outside = _distances(patch)
    width = 1.0 + 1.5 * strength
    line = np.clip(width + 0.5 - np.maximum(inside - 1, outside), 0, 1)
    matte = random.choice(
        np.array([[250, 250, 250], [20, 20, 20], [150, 175, 140], [120, 160, 235], [235, 225, 190]])
    )
    show = line * _stretch(patch, random, 0.6) * (0.35 + 0.6 * strength)
    return np.broadcast_to(matte.astype(np.float32), patch.pixels.shape), show


def _tone_step(patch: Patch, strength: float, random: Random) -> Layer | None:
    """The border of a regenerated box or blob: the tone jumps there and levels out further in."""
    mask = np.zeros(patch.alpha.shape, np.uint8)
    x, y = patch.middle
    half = patch.size * random.uniform(0.45, 0.6)
    aspect = random.uniform(0.7, 1.4)
    if random.random() < 0.6:
        box = cv2.boxPoints(((x, y), (2 * half * aspect, 2 * half / aspect), random.normal(0, 3)))
        cv2.fillPoly(mask, [np.rint(box).astype(np.int32)], 1)
    else:
        mask = (patch.alpha > 0.5).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    reach = patch.size * random.uniform(0.08, 0.2) + 3
    step = random.choice([-1, 1]) * (9 + 30 * strength) * (1 + random.normal(0, 0.3, 3))
    return patch.pixels + step, np.exp(-depth / reach) * (depth > 0) * _stretch(patch, random, 0.6)


def _shifted_join(patch: Patch, strength: float, random: Random) -> Layer:
    """Two halves that were made apart: along a line the content is displaced and the tone differs."""
    rows, columns = np.indices(patch.alpha.shape, dtype=np.float32)
    upright = random.random() < 0.5
    x, y = patch.middle
    wave = smooth_noise(patch.alpha.shape, max(12.0, patch.size / 2), random) * random.choice([0, 0, 2.5])
    across = (columns - x if upright else rows - y) + wave
    reach = patch.size * random.uniform(0.12, 0.25) + 4
    fade = np.exp(-across / reach) * (across > 0)
    slide = random.choice([-1, 1]) * (2 + 7 * strength)
    dx, dy = (0 * fade, slide * fade) if upright else (slide * fade, 0 * fade)
    moved = cv2.remap(
        patch.pixels,
        (columns + dx).astype(np.float32),
        (rows + dy).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    tone = random.choice([-1, 1]) * (5 + 16 * strength) * (1 + random.normal(0, 0.2, 3))
    return moved + fade[..., None] * tone, np.minimum(2 * patch.alpha, 1) * (across > 0)


def _spread(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The known colors carried outwards over the rest."""
    weight = known.astype(np.float32)
    near = cv2.blur(pixels * weight[..., None], (17, 17))
    mass = cv2.blur(weight, (17, 17))
    carried = near / np.maximum(mass, 1e-3)[..., None]
    return np.where((known | (mass < 1e-2))[..., None], pixels, carried)


_round = partial(over_thing, FlawType.SEAM_OR_HALO, largest=0.35)
_across = partial(over_area, FlawType.SEAM_OR_HALO, shares=(0.01, 0.1))

GENERATORS = (
    _round(
        "halo",
        _halo,
        "a halo surrounds {thing} and sets it off from the background",
        "the outline of {thing} is rimmed with a glow that no light explains",
    ),
    _round(
        "cut_edge",
        _cut_edge,
        "the edge of {thing} is jagged like a bad cut-out",
        "{thing} is cut out in steps, with bits of background stuck to its outline",
    ),
    _round(
        "double_edge",
        _double_edge,
        "a second outline runs beside the edge of {thing}",
        "the contour of {thing} is doubled by a faint echo",
    ),
    _round(
        "matte_line",
        _matte_line,
        "a thin line of another color is left along the edge of {thing}",
        "{thing} has a fringe of some other background round it",
    ),
    _across(
        "tone_step",
        _tone_step,
        "a visible border {where} shows where a patch was blended in",
        "the tone jumps at a seam {where}",
    ),
    _across(
        "shifted_join",
        _shifted_join,
        "a straight seam {where}: the two sides do not line up",
        "two tiles meet badly {where}, content and tone jump at the line",
    ),
)
