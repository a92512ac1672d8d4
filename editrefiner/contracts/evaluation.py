"""Is it better? Scores of an edit in three dimensions."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, computed_field, field_validator

from editrefiner.contracts.backend import BackendInfo
from editrefiner.contracts.base import Instruction, RequestModel, Score, UnitInterval, WireModel
from editrefiner.contracts.images import ImageInput
from editrefiner.contracts.problems import Problem
from editrefiner.contracts.scoring import ScoreWeights

Interval = tuple[Score, Score]
"""Low and high end."""

DIMENSIONS = ("perceptual_quality", "instruction_following", "visual_consistency")

MAX_BATCH_ITEMS = 512
"""Items of one `POST /v1/score:batch` or `POST /v1/reward`."""


def _is_none(value: object) -> bool:
    return value is None


def _is_empty(value: object) -> bool:
    return not value


OverallKind = Literal["geometric", "arithmetic"]
"""The paper's weighted geometric mean, or the plain mean that its released program takes."""


def overall_score(
    perceptual_quality: float,
    instruction_following: float,
    visual_consistency: float,
    kind: OverallKind = "geometric",
) -> float:
    """Weighted geometric mean PQ^0.3 * IF^0.4 * VC^0.3, 0..100 (EditRefiner, Eq. 5), or the plain mean."""
    if kind == "arithmetic":
        return (perceptual_quality + instruction_following + visual_consistency) / 3
    return perceptual_quality**0.3 * instruction_following**0.4 * visual_consistency**0.3


def _is_geometric(kind: str) -> bool:
    return kind == "geometric"


class Intervals(WireModel):
    """Where each score lies with the stated coverage."""

    perceptual_quality: Interval
    instruction_following: Interval
    visual_consistency: Interval
    coverage: UnitInterval = 0.9


class Scores(WireModel):
    """How good an edit is, 0 (worst) to 100."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "perceptual_quality": 71.0,
                    "instruction_following": 64.5,
                    "visual_consistency": 83.2,
                    "intervals": {
                        "perceptual_quality": [61.0, 81.0],
                        "instruction_following": [44.5, 84.5],
                        "visual_consistency": [75.2, 91.2],
                        "coverage": 0.9,
                    },
                    "decision_margin": 0.4,
                }
            ]
        }
    )

    perceptual_quality: Score
    """Free of visible artifacts."""
    instruction_following: Score
    """Does what was asked."""
    visual_consistency: Score
    """Keeps what was to be kept."""
    intervals: Intervals
    decision_margin: Annotated[float, Field(ge=0)] = 0.0
    """Smallest difference of `overall` between two edits of one source that this scorer can tell from none.

    For one comparison: the best of several looks better by chance more often, and has to gain more.
    """
    overall_kind: Annotated[OverallKind, Field(exclude_if=_is_geometric)] = "geometric"
    """How `overall` is made of the three; left out of the JSON where it is the geometric mean."""

    @computed_field
    @property
    def overall(self) -> float:
        """PQ^0.3 * IF^0.4 * VC^0.3; the plain mean where `overall_kind` says so."""
        return overall_score(
            self.perceptual_quality, self.instruction_following, self.visual_consistency, self.overall_kind
        )


class ScoreRequest(RequestModel):
    """Score one edit."""

    source: ImageInput
    edited: ImageInput
    instruction: Instruction


class ScoreAnswer(WireModel):
    """Answer of `POST /v1/score`."""

    scores: Scores
    backend: BackendInfo


ItemId = Annotated[str, StringConstraints(max_length=128)]
"""The caller's own name for an item; comes back with its answer."""


class ScoreItem(ScoreRequest):
    """One of many edits to score."""

    id: ItemId | None = None

    def request(self) -> ScoreRequest:
        """The same edit as a request of its own."""
        return ScoreRequest(source=self.source, edited=self.edited, instruction=self.instruction)


class ScoredItem(WireModel):
    """One line of the answer of `POST /v1/score:batch`: `answer`, or `problem` where there is none."""

    index: Annotated[int, Field(ge=0)]
    """Place of the item in the request, from 0."""
    id: ItemId | None = None
    answer: Annotated[ScoreAnswer | None, Field(exclude_if=_is_none)] = None
    problem: Annotated[Problem | None, Field(exclude_if=_is_none)] = None


class RewardRequest(RequestModel):
    """Rewards of many edits, as reinforcement learning asks for them."""

    items: Annotated[tuple[ScoreItem, ...], Field(min_length=1, max_length=MAX_BATCH_ITEMS)]
    weights: ScoreWeights = ScoreWeights()

    @field_validator("weights")
    @classmethod
    def _count_at_all(cls, weights: ScoreWeights) -> ScoreWeights:
        if weights.total <= 0:
            raise ValueError("give at least one dimension a weight above 0")
        return weights


class Reward(WireModel):
    """What one edit is worth."""

    id: ItemId | None = None
    reward: UnitInterval | None
    """0..1, the weighted geometric mean of the scores / 100; None where `problem` says why there is none."""
    interval: tuple[UnitInterval, UnitInterval] | None
    """The same mean of the low ends and of the high ends of the intervals; None as `reward` is."""
    scores: Scores | None
    """The raw scores, 0..100; None as `reward` is."""
    problem: Problem | None = None
    """Why there is no reward; None where there is one."""


class RewardAnswer(WireModel):
    """Answer of `POST /v1/reward`: one entry per item, in the order of the request."""

    rewards: tuple[Reward, ...]
    weights: ScoreWeights
    """As they were applied: their sum is 1."""
    backend: BackendInfo


def reward_of(dimensions: tuple[float, float, float], weights: ScoreWeights) -> float:
    """Scores 0..100, in the order of DIMENSIONS, as a reward 0..1 by weights whose sum is 1."""
    powers = (weights.perceptual_quality, weights.instruction_following, weights.visual_consistency)
    product = 1.0
    for score, power in zip(dimensions, powers, strict=True):
        product *= (score / 100) ** power  # 0 ** 0 is 1: a dimension without weight has no say
    return min(1.0, max(0.0, product))


class RankRequest(RequestModel):
    """Score several edits of one source and order them."""

    source: ImageInput
    candidates: Annotated[tuple[ImageInput, ...], Field(min_length=1, max_length=16)]
    instruction: Instruction


class Ranking(WireModel):
    """Scores in the order of the request, and that order sorted best first."""

    scores: tuple[Scores, ...]
    order: tuple[int, ...]
    """Indices into `scores`, best overall first."""
    ties: Annotated[tuple[tuple[int, ...], ...], Field(exclude_if=_is_empty)] = ()
    """`order` cut into groups: the members of one lie within the decision margin of its first."""
    best_probability: Annotated[tuple[UnitInterval, ...], Field(exclude_if=_is_empty)] = ()
    """For each of `scores`, how probable it is that this edit is the best; their sum is 1."""
    backend: BackendInfo


class CompareRequest(RequestModel):
    """Which of two edits of one source is better?"""

    source: ImageInput
    a: ImageInput
    b: ImageInput
    instruction: Instruction


class Comparison(WireModel):
    """Answer of `POST /v1/compare`; a tie is a difference within the decision margin."""

    preferred: Literal["a", "b", "tie"]
    probability: UnitInterval
    """How probable it is that a is better than b: the difference of `overall` as a normal variable whose
    standard deviation is `difference_spread`. `scoring.calibration` of `GET /v1/info` has it and what it
    covers."""
    tie_probability: UnitInterval
    """How probable it is, in the same model, that the difference lies within the decision margin."""
    a: Scores
    b: Scores
    backend: BackendInfo
