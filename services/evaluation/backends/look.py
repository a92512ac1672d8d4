"""How is an edit laid on its source before it is judged? One size, one place, one tone; then measured."""

from dataclasses import dataclass

import cv2
import numpy as np

from services.evaluation.backends.alignment import place, tone, warped
from services.evaluation.backends.intent import Intent
from services.evaluation.backends.measures import Measures, measure
from services.evaluation.backends.split import Split, split

WORK_SIDE = 1024  # longest side that is looked at, px
LEAST_SIDE = 64  # shorter sides are enlarged, so that every band of structure exists
TONE_CELLS = (64, 48)  # colours that the tone is read from


@dataclass(frozen=True)
class Look:
    """An edit beside its source, with what was measured."""

    source: np.ndarray
    """(h, w, 3) uint8: where the edit shows it, in the tone that it was given in."""
    edited: np.ndarray
    """(h, w, 3) uint8."""
    matrix: np.ndarray
    """(2, 3): from edited pixels to source pixels."""
    table: np.ndarray
    """(1, 256, 3) uint8: from the source's tone to that of the edit."""
    measures: Measures
    split: Split


def look(source: np.ndarray, edited: np.ndarray, asked: Intent) -> Look:
    """Compare two pictures, (H, W, 3) uint8 RGB each and of any two sizes."""
    size = _working_size(edited)
    below, above = (_resized(picture, size) for picture in (source, edited))
    matrix = place(*(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (below, above)))
    below = warped(below, matrix)
    colors = [_resized(picture, TONE_CELLS).reshape(-1, 3) for picture in (below, above)]
    table = tone(*colors, degree=3 if asked.is_global else 1)
    measures = measure(below, above, table)
    return Look(below, above, matrix, table, measures, split(measures, asked))


def _working_size(picture: np.ndarray) -> tuple[int, int]:
    """(width, height) that is looked at."""
    height, width = picture.shape[:2]
    scale = min(1.0, WORK_SIDE / max(height, width))
    scale = max(scale, LEAST_SIDE / min(height, width))
    return max(LEAST_SIDE, round(width * scale)), max(LEAST_SIDE, round(height * scale))


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if picture.shape[1::-1] == size:
        return picture
    halves = 2 * size[0] <= picture.shape[1]  # averaging blurs where the scale is near 1, as in 1024 -> 1008
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if halves else cv2.INTER_CUBIC)
