"""How does the compact scorer come to its marks? Paired measurement, and a small network that weighs it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from editrefiner.contracts import BackendInfo, fingerprint
from services.evaluation.backends.evidence import AREA, evidence
from services.evaluation.backends.intent import Intent, read_intent
from services.evaluation.backends.look import LEAST_SIDE, TONE_CELLS, WORK_SIDE, Look, look
from services.evaluation.backends.marks import points
from services.evaluation.backends.network import Judged, ScoreNetwork
from services.evaluation.backends.plain import FLAT, MOST, SEEN, SURE, TONE, blank, untouched
from services.evaluation.backends.request import read_request
from services.evaluation.marks import Estimate, Marks

VERSION = "2"  # raise it with every change of a rule or constant: answers are stored by it
TRAINING_DATA = (
    "Edits with synthetic flaws on photographs of BSDS500 and an ImageNet sample, scored by the severity of "
    "their flaws; distortions of whole frames by the mean opinions of TID2013. No opinions about edits."
)
BASIS = (
    "Edits with synthetic flaws on photographs that were not trained on, scored by the severity of their "
    "flaws: coverage is the share of these whose scores lie within their intervals; of attempts at repairs "
    "that are no better than what they were made from, 10 % gain more than the margin and lose in no score "
    "more than a job tolerates by default; the spread is that of the error of a difference between two edits "
    "of one source. People's opinions of edits were not measured."
)


class CompactScorer:
    """Scores from registered features; deterministic, and sharing no code with the agents it judges."""

    calibration_basis = BASIS

    def __init__(self, threads: int = 1) -> None:
        self._network = ScoreNetwork(threads)
        calibration = self._network.calibration
        self.decision_margin = calibration.decision_margin
        self.difference_spread = calibration.difference_spread
        self.coverage = calibration.coverage
        self.backend = BackendInfo(
            name="compact",
            version=VERSION,
            digest=fingerprint(
                [
                    "compact",
                    VERSION,
                    (WORK_SIDE, LEAST_SIDE, TONE_CELLS, AREA, SURE, SEEN, TONE, FLAT, MOST),
                    self._network.digest,
                    calibration.model_dump(),
                ]
            ),
            weights=self._network.files,
            training_data=TRAINING_DATA,
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
        words = read_request(instruction, asked)
        found = []
        for edited in edits:
            checkpoint()
            seen = look(source, edited, asked)
            judged = self._network.judge(evidence(seen, asked, words))
            found.append(_marks(_certain(judged, seen, asked)))
        return found


def _certain(judged: Judged, seen: Look, asked: Intent) -> Judged:
    """The rules where nobody changed anything, and at most the rules where nothing is left of the picture."""
    ruled = points(seen.measures, seen.split, asked)
    known = np.array([ruled.quality, ruled.following, ruled.consistency])
    if blank(seen):
        return replace(judged, scores=np.minimum(known, judged.scores))
    sure = untouched(seen)
    return replace(judged, scores=sure * known + (1 - sure) * judged.scores)


def _marks(judged: Judged) -> Marks:
    pairs = zip(judged.scores.tolist(), judged.half_widths.tolist(), strict=True)
    return Marks(*(Estimate(v, max(0.0, v - w), min(100.0, v + w)) for v, w in pairs))
