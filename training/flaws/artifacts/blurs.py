"""How is detail lost? Soft focus, motion, a defocused lens, upscaling, smearing and double exposure."""

from functools import partial

import cv2
import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.artifacts.brush import Layer, Patch, over_area
from training.flaws.artifacts.warping import carried
from training.flaws.scene import Random

DETAIL = 8.0  # a blur shows only where there was something sharp


def _gaussian(patch: Patch, strength: float, _: Random) -> Layer:
    return cv2.GaussianBlur(patch.pixels, (0, 0), 1.4 + 5 * strength), patch.alpha


def _motion(patch: Patch, strength: float, random: Random) -> Layer:
    length = int(6 + 22 * strength) | 1
    kernel = np.zeros((length, length), np.float32)
    turn, half = random.uniform(0, np.pi), length // 2
    ends = [(round(half + s * half * np.cos(turn)), round(half + s * half * np.sin(turn))) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    return _convolved(patch.pixels, kernel), patch.alpha


def _defocus(patch: Patch, strength: float, random: Random) -> Layer:
    radius = round(2 + 6 * strength + random.uniform(0, 1))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2).astype(np.float32)
    return _convolved(patch.pixels, kernel), patch.alpha


def _upscaled(patch: Patch, strength: float, random: Random) -> Layer:
    height, width = patch.alpha.shape
    factor = 2.6 + 6 * strength
    small = cv2.resize(
        patch.pixels,
        (max(2, int(width / factor)), max(2, int(height / factor))),
        interpolation=cv2.INTER_AREA,
    )
    way = int(random.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST]))
    return cv2.resize(small, (width, height), interpolation=way), patch.alpha


def _smeared(patch: Patch, strength: float, _: Random) -> Layer:
    """A large median: detail flows together into paint-like blots."""
    size = int(5 + 12 * strength) | 1
    return cv2.medianBlur(patch.pixels.astype(np.uint8), size).astype(np.float32), patch.alpha


def _ghosted(patch: Patch, strength: float, random: Random) -> Layer:
    """The same detail several times, slightly beside itself."""
    reach = 2.5 + 7 * strength
    total = patch.pixels.copy()
    for _ in range(2):
        turn = random.uniform(0, 2 * np.pi)
        shift = np.array([[1, 0, reach * np.cos(turn)], [0, 1, reach * np.sin(turn)]], np.float32)
        total += carried(patch.pixels, shift)
    return cv2.GaussianBlur(total / 3, (0, 0), 0.7), patch.alpha


def _convolved(pixels: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return cv2.filter2D(pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)


_of = partial(over_area, FlawType.BLUR, detail=DETAIL)

GENERATORS = (
    _of(
        "gaussian",
        _gaussian,
        "{thing} is blurred while its surroundings are sharp",
        "detail {where} is washed out to a soft blur",
    ),
    _of(
        "motion",
        _motion,
        "the detail {where} is dragged in one direction, as by motion in a still scene",
        "a motion blur lies over {thing}",
    ),
    _of(
        "defocus",
        _defocus,
        "{thing} is out of focus at a distance where everything else is sharp",
        "a patch {where} looks as if taken with a defocused lens",
    ),
    _of(
        "upscaled",
        _upscaled,
        "the picture {where} has much lower resolution than around it",
        "{thing} looks enlarged from a few pixels",
    ),
    _of(
        "smeared",
        _smeared,
        "fine detail {where} is smeared into paint-like blots",
        "{thing} looks painted over: small parts have flowed together",
    ),
    _of(
        "ghosted",
        _ghosted,
        "the detail {where} is blurred by ghost images of itself",
        "{thing} is doubled and soft as in a shaken exposure",
    ),
)
