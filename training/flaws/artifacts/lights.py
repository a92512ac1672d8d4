"""How does light contradict the scene? Wrong exposure, gradients, blown spots, shadows, flatness, glows."""

from functools import partial

import cv2
import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.artifacts.brush import Layer, Patch, over_area, over_thing
from training.flaws.places import smooth_noise
from training.flaws.scene import Random


def _exposed(pixels: np.ndarray, stops: np.ndarray | float) -> np.ndarray:
    """Light scaled by 2 ** stops, with a shoulder instead of a hard clip."""
    linear = (np.clip(pixels, 0, 255) / 255) ** 2.2 * np.exp2(stops)
    return 255 * (linear / (1 + 0.25 * np.maximum(linear - 0.6, 0))) ** (1 / 2.2)


def _relit(patch: Patch, strength: float, random: Random) -> Layer:
    stops = random.choice([-1, 1]) * (0.3 + 1.3 * strength)
    return _exposed(patch.pixels, stops), patch.alpha


def _gradient(patch: Patch, strength: float, random: Random) -> Layer:
    """The thing is lit from a side where no light is: brighter there, darker on the other."""
    rows, columns = np.indices(patch.alpha.shape, dtype=np.float32)
    turn = random.uniform(0, 2 * np.pi)
    x, y = patch.middle
    along = ((columns - x) * np.cos(turn) + (rows - y) * np.sin(turn)) / (0.6 * patch.size)
    stops = np.tanh(along) * (0.55 + 1.7 * strength)
    return _exposed(patch.pixels, stops[..., None]), patch.alpha


def _blown(patch: Patch, strength: float, _: Random) -> Layer:
    """Highlights run out into white."""
    soft = cv2.GaussianBlur(patch.pixels, (0, 0), 1.5)
    bright = soft.mean(axis=2)
    middle = float((bright * patch.alpha).sum() / (patch.alpha.sum() + 1e-6))
    lift = np.clip((bright - middle) / 40 + 0.4 + strength, 0.1, 2)
    glow = cv2.GaussianBlur((lift * (25 + 95 * strength)).astype(np.float32), (0, 0), 2)
    return patch.pixels + glow[..., None] * np.array([1.05, 1.0, 0.9], np.float32), patch.alpha


def _shadow(patch: Patch, strength: float, random: Random) -> Layer:
    """A hard shadow with the outline of nothing that stands there."""
    x, y = patch.middle
    count = int(random.integers(4, 8))
    turns = np.sort(random.uniform(0, 2 * np.pi, count))
    reach = patch.size * random.uniform(0.35, 0.85, count)
    lean, flat = random.uniform(0, np.pi), random.uniform(0.4, 0.8)
    px, py = reach * np.cos(turns), flat * reach * np.sin(turns)
    outline = np.stack(
        [x + px * np.cos(lean) - py * np.sin(lean), y + px * np.sin(lean) + py * np.cos(lean)], 1
    )
    hard = np.zeros(patch.alpha.shape, np.float32)
    cv2.fillPoly(hard, [np.rint(outline).astype(np.int32)], 1.0)
    show = cv2.GaussianBlur(hard, (0, 0), random.uniform(0.7, 2))
    dark = _exposed(patch.pixels, -0.55 - 1.9 * strength) * np.array([0.95, 0.98, 1.05])
    return dark, show


def _flat(patch: Patch, strength: float, random: Random) -> Layer:
    """Light and shade are gone: everything has one middle tone."""
    weight = patch.alpha[..., None]
    mean = (patch.pixels * weight).sum(axis=(0, 1)) / (weight.sum() + 1e-6)
    lift = random.choice([-6, 12, 22]) * (0.5 + strength)
    return patch.pixels + (0.3 + 0.5 * strength) * (mean - patch.pixels) + lift, patch.alpha


def _stray_glow(patch: Patch, strength: float, random: Random) -> Layer:
    """A warm or cold light shines on a spot, from no lamp."""
    x, y = patch.middle
    rows, columns = np.indices(patch.alpha.shape, dtype=np.float32)
    far = ((columns - x) ** 2 + (rows - y) ** 2) / (0.5 * patch.size) ** 2
    uneven = 1 + 0.25 * smooth_noise(patch.alpha.shape, max(8.0, patch.size / 3), random)
    glow = np.exp(-far) * np.clip(uneven, 0.3, 2) * (26 + 110 * strength)
    color = random.choice(np.array([[1.1, 0.95, 0.65], [0.75, 0.95, 1.15], [1, 1, 1]]))
    room = 1 - patch.pixels / 330
    return patch.pixels + glow[..., None] * color * room, np.minimum(3 * patch.alpha, 1)


_thing = partial(over_thing, FlawType.LIGHTING_MISMATCH, largest=0.25)
_spot = partial(over_area, FlawType.LIGHTING_MISMATCH, shares=(0.008, 0.1))

GENERATORS = (
    _thing(
        "relit",
        _relit,
        "{thing} is exposed differently from the scene around it",
        "the brightness of {thing} does not fit the light of the photograph",
    ),
    _thing(
        "gradient",
        _gradient,
        "{thing} is lit from the wrong side",
        "light and shade on {thing} contradict the direction of the light in the scene",
    ),
    _spot(
        "blown",
        _blown,
        "highlights {where} are blown out to white",
        "{thing} is overexposed in one patch",
    ),
    _spot(
        "shadow",
        _shadow,
        "a hard dark shadow lies {where}, and nothing casts it",
        "an impossible shadow with a sharp outline falls {where}",
    ),
    _spot(
        "flat",
        _flat,
        "light and shade {where} are gone, the area looks flat and milky",
        "{thing} has lost its contrast although the scene is lit as before",
        detail=5,
    ),
    _spot(
        "stray_glow",
        _stray_glow,
        "a glow lights up a spot {where} without any lamp",
        "an unexplained spotlight falls {where}",
    ),
)
