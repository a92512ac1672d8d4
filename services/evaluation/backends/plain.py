"""Which edits need no weighing? Those where nothing was changed, and those where nothing is left to see."""

import cv2
import numpy as np

from services.evaluation.backends.look import Look

SURE, SEEN = 0.15, 0.3  # change of the cell that changed most: re-encoding stays below, what is seen above
TONE = 1.0, 2.0  # levels of 255 that the tone moved by on average, likewise
FINE = 2.0  # px: detail is what a blur of this width takes away
FLAT = 1.0  # levels of 255 below which no detail is seen
MOST = 99.0  # percent of a blank picture without detail


def untouched(seen: Look) -> float:
    """1 where an edit is its source, encoded anew at most; 0 where something was changed; or in doubt."""
    moved = float(np.abs(seen.table[0].astype(np.float32) - np.arange(256)[:, None]).mean())
    return min(_below(float(seen.split.change.max()), SURE, SEEN), _below(moved, *TONE))


def blank(seen: Look) -> bool:
    """True where the edit is a plane of one tone and the source is a picture."""
    return _detail(seen.edited) < FLAT <= _detail(seen.source)


def _below(value: float, low: float, high: float) -> float:
    return float(np.clip((high - value) / (high - low), 0, 1))


def _detail(picture: np.ndarray) -> float:
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.percentile(np.abs(gray - cv2.GaussianBlur(gray, (0, 0), FINE)), MOST))
