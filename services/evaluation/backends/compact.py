"""How does the compact scorer come to its marks? By paired measurement and rules, without semantics."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from editrefiner.contracts import BackendInfo, fingerprint
from services.evaluation.backends.alignment import place, tone, warped
from services.evaluation.backends.intent import Intent, read_intent
from services.evaluation.backends.marks import Points, points
from services.evaluation.backends.measures import measure
from services.evaluation.backends.split import split
from services.evaluation.marks import Estimate, Marks

VERSION = "1"  # raise it with every change of a rule or constant: answers are stored by it
WORK_SIDE = 1024  # longest side that is looked at, px
LEAST_SIDE = 64  # shorter sides are enlarged, so that every band of structure exists
TONE_CELLS = (64, 48)  # colours that the tone is read from
DECISION_MARGIN = 1.1  # bench/evaluation_planted.py, the worst kind of copy: 95 % of them move by less
SPREAD = Points(quality=3.5, following=0.1, consistency=1.6)  # the same, per score
NORMAL_95 = 1.96  # standard deviations around its mean within which a normal variable lies in 95 % of cases
COVERAGE = 0.95  # of the spread above; it holds for measuring again, not for what people would say


class CompactScorer:
    """Scores from registered features; deterministic, and sharing no code with the agents it judges."""

    backend = BackendInfo(
        name="compact",
        version=VERSION,
        digest=fingerprint(
            ["compact", VERSION, WORK_SIDE, LEAST_SIDE, TONE_CELLS, DECISION_MARGIN, SPREAD.__dict__]
        ),
        provisional=True,
    )
    decision_margin = DECISION_MARGIN
    difference_spread = DECISION_MARGIN / NORMAL_95
    coverage = COVERAGE
    calibration_basis = (
        "Edits measured again after JPEG 95 and 90, a shift by half a pixel and a rescale by 1 %: 95 % of "
        "such differences of overall lie within the margin, and the spread is the normal distribution's "
        "that has this. It says how far a score moves, not how far it lies from what people would say."
    )

    def score(
        self,
        source: np.ndarray,
        edits: Sequence[np.ndarray],
        instruction: str,
        checkpoint: Callable[[], None],
    ) -> list[Marks]:
        """Marks of each edit of one source."""
        asked = read_intent(instruction)
        found = []
        for edited in edits:
            checkpoint()
            found.append(_marks(points_of(source, edited, asked)))
        return found


def points_of(source: np.ndarray, edited: np.ndarray, asked: Intent) -> Points:
    """Scores of one edit; both (H, W, 3) uint8 RGB, of any two sizes."""
    size = _working_size(edited)
    below, above = (_resized(picture, size) for picture in (source, edited))
    grays = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (below, above)]
    below = warped(below, place(*grays))
    colors = [_resized(picture, TONE_CELLS).reshape(-1, 3) for picture in (below, above)]
    table = tone(*colors, degree=3 if asked.is_global else 1)
    measures = measure(below, above, table)
    return points(measures, split(measures, asked), asked)


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


def _marks(found: Points) -> Marks:
    return Marks(
        perceptual_quality=_estimate(found.quality, SPREAD.quality),
        instruction_following=_estimate(found.following, SPREAD.following),
        visual_consistency=_estimate(found.consistency, SPREAD.consistency),
    )


def _estimate(value: float, spread: float) -> Estimate:
    return Estimate(value, max(0.0, value - spread), min(100.0, value + spread))
