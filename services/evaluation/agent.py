"""Is it better? Turns a scorer's marks into the answers of the wire."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from editrefiner.contracts import (
    BackendInfo,
    CompareRequest,
    Comparison,
    ImageInput,
    ImageRef,
    Interval,
    Intervals,
    OverallKind,
    Ranking,
    RankRequest,
    ScoreAnswer,
    ScoreRequest,
    Scores,
)

WARM_UP_SIDE = 512  # px: large enough that every buffer has its working size
DECIMALS = 3  # more would only show how a processor rounds


@dataclass(frozen=True)
class Estimate:
    """A score, 0..100, and where it may lie."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Marks:
    """What a scorer says about one edit."""

    perceptual_quality: Estimate
    instruction_following: Estimate
    visual_consistency: Estimate
    overall_kind: OverallKind = "geometric"


class Scorer(Protocol):
    """What the agent needs of a backend."""

    @property
    def backend(self) -> BackendInfo:
        """Who scores."""
        ...

    @property
    def decision_margin(self) -> float:
        """Smallest difference of `overall` between two edits of one source that means something."""
        ...

    @property
    def coverage(self) -> float:
        """Share of cases in which a score lies inside its interval, 0..1."""
        ...

    def score(
        self,
        source: np.ndarray,
        edits: Sequence[np.ndarray],
        instruction: str,
        checkpoint: Callable[[], None],
    ) -> Sequence[Marks]:
        """Marks of each edit, all (H, W, 3) uint8 RGB; `checkpoint` raises when nobody waits any more."""
        ...


class Pictures(Protocol):
    """Where pictures come from."""

    def pixels(self, ref: ImageRef | str) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        ...


class EvaluationAgent:
    """Scores, ranks and compares edits."""

    def __init__(self, scorer: Scorer, pictures: Pictures) -> None:
        self._scorer = scorer
        self._pictures = pictures

    @property
    def backend(self) -> BackendInfo:
        """Who scores."""
        return self._scorer.backend

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
        order = sorted(range(len(scores)), key=lambda i: -scores[i].overall)
        return Ranking(scores=scores, order=tuple(order), backend=self.backend)

    def compare(self, request: CompareRequest, checkpoint: Callable[[], None]) -> Comparison:
        """Say which of two edits is better, or that they cannot be told apart."""
        a, b = self._scores(request.source, (request.a, request.b), request.instruction, checkpoint)
        gain = a.overall - b.overall
        tie = abs(gain) <= self._scorer.decision_margin
        return Comparison(
            preferred="tie" if tie else "a" if gain > 0 else "b", a=a, b=b, backend=self.backend
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
