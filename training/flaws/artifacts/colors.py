"""How does color go wrong in one place? Tints, turned hues, swapped channels, fringes, bleached spots."""

from functools import partial

import cv2
import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.artifacts.brush import Layer, Patch, over_area, over_thing
from training.flaws.artifacts.warping import carried
from training.flaws.scene import Random

TINTS = np.array(  # a unit of push per channel; brightness roughly kept
    [[1, -0.4, 0.7], [0.9, 0.1, -1], [-0.9, 0.5, -0.7], [-0.9, 0.1, 1], [1, -0.6, -0.5], [-0.8, 0.3, 0.6]],
    np.float32,
)


def _tinted(patch: Patch, strength: float, random: Random) -> np.ndarray:
    tint = TINTS[int(random.integers(len(TINTS)))] * (1 + random.normal(0, 0.15, 3))
    own = 0.55 + 0.45 * patch.pixels.mean(axis=2, keepdims=True) / 160  # deep shadows take little color
    return patch.pixels + tint * own * (9 + 52 * strength)


def _blob(patch: Patch, strength: float, random: Random) -> Layer:
    return _tinted(patch, strength, random), patch.alpha


def _whole_thing(patch: Patch, strength: float, random: Random) -> Layer:
    return _tinted(patch, strength, random), patch.alpha


def _hue(patch: Patch, strength: float, random: Random) -> Layer:
    hsv = cv2.cvtColor(patch.pixels / 255, cv2.COLOR_RGB2HSV)  # H in 0..360, S and V in 0..1
    turn = random.choice([-1, 1]) * (22 + 140 * strength)
    hsv[..., 0] = np.mod(hsv[..., 0] + turn, 360)
    hsv[..., 1] = np.clip(hsv[..., 1] * 1.1 + 0.03, 0, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255, patch.alpha


def _swapped(patch: Patch, strength: float, random: Random) -> Layer:
    order = random.choice(np.array([[2, 1, 0], [1, 0, 2], [0, 2, 1], [1, 2, 0]]))
    share = 0.35 + 0.65 * strength
    return patch.pixels + share * (patch.pixels[..., order] - patch.pixels), patch.alpha


def _fringe(patch: Patch, strength: float, random: Random) -> Layer:
    """Red and blue fall apart along edges, as through a bad lens, but only here."""
    reach = 1.6 + 4.5 * strength
    turn = random.uniform(0, 2 * np.pi)
    out = patch.pixels.copy()
    for channel, way in ((0, 1), (2, -1)):
        shift = np.array([[1, 0, way * reach * np.cos(turn)], [0, 1, way * reach * np.sin(turn)]], np.float32)
        plane = np.ascontiguousarray(patch.pixels[..., channel])
        out[..., channel] = carried(plane, shift)
    edge = cv2.GaussianBlur(np.abs(out - patch.pixels).mean(axis=2), (0, 0), 1.5)
    glow = np.array([26, -18, 34], np.float32) * (0.4 + strength)
    return out + np.clip(edge / 14, 0, 1)[..., None] * glow, patch.alpha


def _bleached(patch: Patch, strength: float, random: Random) -> Layer:
    """Color drained to gray, or driven to neon."""
    gray = patch.pixels.mean(axis=2, keepdims=True)
    gain = -0.5 - 0.5 * strength if random.random() < 0.5 else 0.6 + 2.2 * strength
    return patch.pixels + gain * (patch.pixels - gray), patch.alpha


_of = partial(over_area, FlawType.COLOR_CAST, shares=(0.006, 0.1))

GENERATORS = (
    _of(
        "blob",
        _blob,
        "a patch {where} has a color tint of its own",
        "an unexplained color cast lies over {thing}",
    ),
    over_thing(
        FlawType.COLOR_CAST,
        "whole_thing",
        _whole_thing,
        "{thing} has taken on a tint that does not fit the light of the scene",
        "the color of {thing} is off as a whole",
        largest=0.2,
    ),
    _of(
        "hue",
        _hue,
        "the hues {where} are turned into wrong colors",
        "{thing} shows false colors",
        detail=1,
    ),
    _of(
        "swapped",
        _swapped,
        "colors {where} look swapped, as if red and blue had changed places",
        "{thing} has partly exchanged color channels",
    ),
    _of(
        "fringe",
        _fringe,
        "purple and green fringes line the edges {where}",
        "color fringes run along the contours of {thing}",
        detail=7,
    ),
    _of(
        "bleached",
        _bleached,
        "the saturation {where} does not match the rest of the picture",
        "{thing} is drained of its natural color or pushed to neon in one patch",
    ),
)
