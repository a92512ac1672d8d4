"""Where do scores and timings go on paper? Coordinates of the report's drawings, no markup."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from editrefiner.contracts import DIMENSIONS, Iteration, Scores, overall_score

WIDTH, HEIGHT = 260, 170  # of one chart, in its own units
LEFT, RIGHT, TOP, BOTTOM = 38, 12, 12, 24
TITLES = {
    "overall": "Overall",
    "perceptual_quality": "Perceptual quality",
    "instruction_following": "Instruction following",
    "visual_consistency": "Visual consistency",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """The best picture after a round, and how sure the scorer is."""

    x: float
    y: float
    low: float
    high: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A candidate."""

    x: float
    y: float
    accepted: bool
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One score over the rounds."""

    title: str
    marks: tuple[Mark, ...]
    dots: tuple[Dot, ...]
    rows: tuple[Axis, ...]
    columns: tuple[Axis, ...]
    line: str
    """Points of a polyline."""


def interval_of(scores: Scores, name: str) -> tuple[float, float]:
    """Of a dimension as the scorer states it; of the overall score, from the ends of the three."""
    if name != "overall":
        low, high = getattr(scores.intervals, name)
        return low, high
    ends = [getattr(scores.intervals, dimension) for dimension in DIMENSIONS]
    kind = scores.overall_kind
    low, high = (overall_score(*side, kind=kind) for side in zip(*ends, strict=True))
    return low, high


def score_charts(given: Scores, rounds: Sequence[Iteration]) -> tuple[Chart, ...]:
    """One chart for the overall score and one for each dimension, all on one scale."""
    best = [given]
    for iteration in rounds:
        best.append(accepted_scores(iteration) or best[-1])
    names = ("overall", *DIMENSIONS)
    everything = [score for scores in best for name in names for score in interval_of(scores, name)]
    everything += [getattr(scores, name) for each in rounds for scores in each.scores for name in names]
    low = max(0, min(90, math.floor(min(everything) / 10) * 10))  # the scale has a length also at 100
    high = min(100, max(math.ceil(max(everything) / 10) * 10, low + 10))
    scale = _Scale(len(rounds), low, high)
    return tuple(_chart(name, best, rounds, scale) for name in names)


def accepted_scores(iteration: Iteration) -> Scores | None:
    """Scores of the candidate that a round kept."""
    if iteration.accepted is None:
        return None
    return iteration.scores[iteration.scored.index(iteration.accepted)]


@dataclass(frozen=True, slots=True)
class _Scale:
    rounds: int
    low: int
    high: int

    def across(self, place: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * place / max(1, self.rounds), 1)

    def down(self, score: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (self.high - score) / (self.high - self.low), 1)


def _chart(name: str, best: Sequence[Scores], rounds: Sequence[Iteration], scale: _Scale) -> Chart:
    marks = tuple(_mark(name, place, scores, scale) for place, scores in enumerate(best))
    dots = tuple(
        _dot(name, iteration, candidate, scores, scale)
        for iteration in rounds
        for candidate, scores in zip(iteration.scored, iteration.scores, strict=True)
    )
    step = 10 if scale.high - scale.low <= 50 else 20
    return Chart(
        title=TITLES[name],
        marks=marks,
        dots=dots,
        rows=tuple(Axis(scale.down(score), str(score)) for score in range(scale.low, scale.high + 1, step)),
        columns=tuple(Axis(mark.x, str(place) if place else "given") for place, mark in enumerate(marks)),
        line=" ".join(f"{mark.x},{mark.y}" for mark in marks),
    )


def _mark(name: str, place: int, scores: Scores, scale: _Scale) -> Mark:
    value, (low, high) = getattr(scores, name), interval_of(scores, name)
    where = f"after round {place}" if place else "as given"
    text = f"{where}: {value:.1f} ({low:.1f} to {high:.1f})"
    return Mark(scale.across(place), scale.down(value), scale.down(low), scale.down(high), text)


def _dot(name: str, iteration: Iteration, candidate: int, scores: Scores, scale: _Scale) -> Dot:
    accepted = candidate == iteration.accepted
    value = getattr(scores, name)
    fate = "accepted" if accepted else "not accepted"
    text = f"round {iteration.number}, candidate {candidate + 1}: {value:.1f}, {fate}"
    beside = iteration.number - 0.15  # clear of the whisker
    return Dot(scale.across(beside), scale.down(value), accepted, text)
