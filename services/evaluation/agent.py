"""Is it better? Turns a scorer's marks into the answers of the wire."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import numpy as np

from editrefiner.contracts import (
    BackendInfo,
    Calibration,
    CompareRequest,
    Comparison,
    ImageInput,
    ImageRef,
    Interval,
    Intervals,
    ProbeReport,
    Ranking,
    RankRequest,
    Reward,
    ScoreAnswer,
    ScoreRequest,
    Scores,
    ScoreWeights,
    Scoring,
    reward_of,
)
from services.evaluation.certainty import best_probabilities, probability_above, tied
from services.evaluation.marks import Closable, Estimate, Marks, Scorer
from services.evaluation.probes import ProbesFailedError, run_probes

__all__ = ["Estimate", "EvaluationAgent", "Marks", "Pictures", "Scorer", "rewarded"]

WARM_UP_SIDE = 512  # px: large enough that every buffer has its working size
DECIMALS = 3  # more would only show how a processor rounds
REWARD_DECIMALS = DECIMALS + 2  # the same on a scale of 1


class Pictures(Protocol):
    """Where pictures come from."""

    def pixels(self, ref: ImageRef | str) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        ...


class EvaluationAgent:
    """Scores, ranks and compares edits."""

    def __init__(
        self, scorer: Scorer, pictures: Pictures, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._scorer = scorer
        self._pictures = pictures
        self._clock = clock
        self._probes: ProbeReport | None = None

    @property
    def backend(self) -> BackendInfo:
        """Who scores."""
        return self._scorer.backend

    @property
    def scoring(self) -> Scoring:
        """How to read the scores, with the latest probes."""
        return Scoring(
            calibration=Calibration(
                coverage=self._scorer.coverage,
                decision_margin=self._scorer.decision_margin,
                difference_spread=self._scorer.difference_spread,
                basis=self._scorer.calibration_basis,
            ),
            probes=self._probes,
        )

    def probe(self) -> ProbeReport:
        """Ask the scorer what is known beforehand, and keep what came of it."""
        results = run_probes(self._scorer)
        passed = all(result.passed for result in results if result.required)
        self._probes = ProbeReport(passed=passed, probed_at=self._clock(), results=results)
        return self._probes

    def require_probes(self) -> None:
        """ProbesFailedError unless every required probe passes."""
        report = self.probe()
        if not report.passed:
            raise ProbesFailedError(report.results)

    def close(self) -> None:
        """Give back what the scorer holds."""
        if isinstance(self._scorer, Closable):
            self._scorer.close()

    def warm_up(self) -> None:
        """Score one small edit."""
        source = np.random.default_rng(0).integers(0, 256, (WARM_UP_SIDE, WARM_UP_SIDE, 3), np.uint8)
        self._scorer.score(source, [source[::-1]], "Make the picture darker.", lambda: None)

    def score(self, request: ScoreRequest, checkpoint: Callable[[], None]) -> ScoreAnswer:
        """Score one edit."""
        (scores,) = self._scores(request.source, (request.edited,), request.instruction, checkpoint)
        return ScoreAnswer(scores=scores, backend=self.backend)

    def rank(self, request: RankRequest, checkpoint: Callable[[], None]) -> Ranking:
        """Score several edits and order them; equal ones keep the order of the request."""
        scores = self._scores(request.source, request.candidates, request.instruction, checkpoint)
        overall = [each.overall for each in scores]
        order = tuple(sorted(range(len(scores)), key=lambda i: -overall[i]))
        return Ranking(
            scores=scores,
            order=order,
            ties=tied(overall, order, self._scorer.decision_margin),
            best_probability=best_probabilities(overall, self._scorer.difference_spread),
            backend=self.backend,
        )

    def compare(self, request: CompareRequest, checkpoint: Callable[[], None]) -> Comparison:
        """Say which of two edits is better, or that they cannot be told apart."""
        a, b = self._scores(request.source, (request.a, request.b), request.instruction, checkpoint)
        gain = a.overall - b.overall
        margin, spread = self._scorer.decision_margin, self._scorer.difference_spread
        tie = abs(gain) <= margin
        within = probability_above(gain, -margin, spread) - probability_above(gain, margin, spread)
        return Comparison(
            preferred="tie" if tie else "a" if gain > 0 else "b",
            probability=probability_above(gain, 0.0, spread),
            tie_probability=max(0.0, within),
            a=a,
            b=b,
            backend=self.backend,
        )

    def _scores(
        self,
        source: ImageInput,
        edits: Sequence[ImageInput],
        instruction: str,
        checkpoint: Callable[[], None],
    ) -> tuple[Scores, ...]:
        pictures = [self._pictures.pixels(edit) for edit in edits]
        marks = self._scorer.score(self._pictures.pixels(source), pictures, instruction, checkpoint)
        return tuple(self._wire(m) for m in marks)

    def _wire(self, marks: Marks) -> Scores:
        return Scores(
            perceptual_quality=round(marks.perceptual_quality.value, DECIMALS),
            instruction_following=round(marks.instruction_following.value, DECIMALS),
            visual_consistency=round(marks.visual_consistency.value, DECIMALS),
            intervals=Intervals(
                perceptual_quality=_interval(marks.perceptual_quality),
                instruction_following=_interval(marks.instruction_following),
                visual_consistency=_interval(marks.visual_consistency),
                coverage=self._scorer.coverage,
            ),
            decision_margin=self._scorer.decision_margin,
            overall_kind=marks.overall_kind,
        )


def _interval(estimate: Estimate) -> Interval:
    return round(max(0.0, estimate.low), DECIMALS), round(min(100.0, estimate.high), DECIMALS)


def rewarded(scores: Scores, weights: ScoreWeights, *, name: str | None) -> Reward:
    """What an edit with these scores is worth by weights whose sum is 1."""
    intervals = scores.intervals
    ends = [
        (
            intervals.perceptual_quality[end],
            intervals.instruction_following[end],
            intervals.visual_consistency[end],
        )
        for end in (0, 1)
    ]
    middle = (scores.perceptual_quality, scores.instruction_following, scores.visual_consistency)
    return Reward(
        id=name,
        reward=round(reward_of(middle, weights), REWARD_DECIMALS),
        interval=(
            round(reward_of(ends[0], weights), REWARD_DECIMALS),
            round(reward_of(ends[1], weights), REWARD_DECIMALS),
        ),
        scores=scores,
    )
