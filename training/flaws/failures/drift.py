"""What does it look like when the whole frame changed although the request is about one place?"""

from collections.abc import Callable

import cv2
import numpy as np

from editrefiner.contracts import EditKind, FlawType
from training.flaws.failures.finishing import finished, generator
from training.flaws.failures.mixing import levelled
from training.flaws.failures.shapes import everywhere
from training.flaws.failures.strength import between, visibility
from training.flaws.failures.telling import said
from training.flaws.failures.tinting import relit
from training.flaws.failures.warping import carried
from training.flaws.lab import from_lab, to_lab
from training.flaws.scene import Canvas, Painted, Random

SOFTER_PX = (0.9, 2.6)  # blur of a whole-frame softening
CROP = (0.02, 0.08)  # of the frame that a zoom loses

Drift = Callable[[Canvas, float, Random], tuple[np.ndarray, str] | None]
"""(canvas, strength, random) -> the drifted picture at full force, and what happened."""


def _drifted(drift: Drift, *, mixed: bool) -> Callable[[Canvas, float, Random], Painted | None]:
    """The painter of a drift; `mixed` drifts are weakened until they are as visible as the strength says."""

    def paint(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
        edit = canvas.edit
        if everywhere(edit) or edit.kind in {EditKind.GLOBAL, EditKind.RESTORE} or canvas.taken.any():
            return None
        made = drift(canvas, strength, rng)
        if made is None:
            return None
        picture, what = made
        mask = np.ones(canvas.taken.shape, bool)
        if mixed:
            visible = 0.8 * visibility(strength)
            picture = levelled(canvas.picture, picture, mask.astype(np.float32), mask, visible)
        text = said(
            rng,
            f"The whole picture {what}, although the request concerns one place only.",
            f'"{edit.instruction}" does not ask for it, but the whole frame {what}.',
        )
        return finished(canvas, picture, mask, text, largest=1.0)

    return paint


def _cast(canvas: Canvas, _strength: float, rng: Random) -> tuple[np.ndarray, str]:
    """The colour of the light."""
    way, what = (
        ((6.0, 38.0), "turned warmer and yellowish"),
        ((-2.0, -38.0), "turned colder and bluish"),
        ((-30.0, 16.0), "has a green cast"),
        ((30.0, -12.0), "has a magenta cast"),
    )[int(rng.integers(4))]
    lab = to_lab(canvas.picture)
    lab[..., 1:] += np.array(way, np.float32) * rng.uniform(0.8, 1.2)
    return from_lab(lab), what


def _light(canvas: Canvas, _strength: float, rng: Random) -> tuple[np.ndarray, str]:
    """Brighter or darker."""
    up = rng.random() < 1 - canvas.picture.mean() / 255
    return relit(canvas.picture, 1.0 if up else -1.0), "became brighter" if up else "became darker"


def _contrast(canvas: Canvas, _strength: float, rng: Random) -> tuple[np.ndarray, str]:
    """Harsh or faded."""
    mean = canvas.picture.mean()
    factor, what = (2.2, "has harsher contrast") if rng.random() < 0.5 else (0.35, "looks faded")
    changed = mean + (canvas.picture.astype(np.float32) - mean) * factor
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8), what


def _saturation(canvas: Canvas, _strength: float, rng: Random) -> tuple[np.ndarray, str]:
    """Gaudy or grey."""
    lab = to_lab(canvas.picture)
    factor, what = (2.6, "is oversaturated") if rng.random() < 0.6 else (0.0, "lost its colours")
    lab[..., 1:] *= factor
    return from_lab(lab), what


def _softer(canvas: Canvas, strength: float, rng: Random) -> tuple[np.ndarray, str]:
    """Detail is lost everywhere."""
    sigma = between(strength, *SOFTER_PX) * max(canvas.picture.shape) / 448
    if rng.random() < 0.4:
        smooth = cv2.bilateralFilter(canvas.picture, 7, between(strength, 30, 90), 3 * sigma)
        return cv2.GaussianBlur(smooth, (0, 0), 0.6 * sigma), "looks waxy and lost its fine detail"
    return cv2.GaussianBlur(canvas.picture, (0, 0), sigma), "became soft"


def _framing(canvas: Canvas, strength: float, rng: Random) -> tuple[np.ndarray, str]:
    """Another cut of the scene."""
    height, width = canvas.picture.shape[:2]
    lost = between(strength, *CROP)
    if rng.random() < 0.5:
        left, top = rng.uniform(0, lost, 2)
        zoom = 1 / (1 - lost)
        matrix = np.array([[zoom, 0, -left * width * zoom], [0, zoom, -top * height * zoom]])
        what = "was cropped and enlarged"
    else:
        angle = rng.uniform(0, 2 * np.pi)
        matrix = np.eye(2, 3)
        matrix[:, 2] = lost * width * np.cos(angle), lost * height * np.sin(angle)
        what = "was shifted against the source"
    return carried(canvas.picture, matrix), what


GENERATORS = (
    generator(FlawType.GLOBAL_DRIFT, "cast", _drifted(_cast, mixed=True)),
    generator(FlawType.GLOBAL_DRIFT, "light", _drifted(_light, mixed=True)),
    generator(FlawType.GLOBAL_DRIFT, "contrast", _drifted(_contrast, mixed=True)),
    generator(FlawType.GLOBAL_DRIFT, "saturation", _drifted(_saturation, mixed=True)),
    generator(FlawType.GLOBAL_DRIFT, "softer", _drifted(_softer, mixed=False)),
    generator(FlawType.GLOBAL_DRIFT, "framing", _drifted(_framing, mixed=False)),
)
