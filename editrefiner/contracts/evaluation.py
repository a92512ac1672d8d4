"""Is it better? Scores of an edit in three dimensions."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, computed_field

from editrefiner.contracts.backend import BackendInfo
from editrefiner.contracts.base import Instruction, RequestModel, Score, UnitInterval, WireModel
from editrefiner.contracts.images import ImageInput

Interval = tuple[Score, Score]
"""Low and high end."""

DIMENSIONS = ("perceptual_quality", "instruction_following", "visual_consistency")


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
    """Smallest difference of `overall` between two edits of one pair that this scorer can tell from none."""
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
    a: Scores
    b: Scores
    backend: BackendInfo
