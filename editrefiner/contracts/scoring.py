"""How are scores to be read? Scale, formula, calibration, and the probes that the scorer passed."""

from typing import Annotated

from pydantic import Field

from editrefiner.contracts.base import RequestModel, Timestamp, UnitInterval, WireModel


class ScoreWeights(RequestModel):
    """How much each dimension counts; they are divided by their sum before use."""

    perceptual_quality: Annotated[float, Field(ge=0, le=1000, strict=True)] = 0.3
    instruction_following: Annotated[float, Field(ge=0, le=1000, strict=True)] = 0.4
    visual_consistency: Annotated[float, Field(ge=0, le=1000, strict=True)] = 0.3

    @property
    def total(self) -> float:
        """Their sum."""
        return self.perceptual_quality + self.instruction_following + self.visual_consistency

    def normalized(self) -> "ScoreWeights":
        """The same proportions with the sum 1; only for weights that are not all 0."""
        return ScoreWeights(
            perceptual_quality=self.perceptual_quality / self.total,
            instruction_following=self.instruction_following / self.total,
            visual_consistency=self.visual_consistency / self.total,
        )


class Calibration(WireModel):
    """What intervals, margin and probabilities of a scorer rest on."""

    coverage: UnitInterval
    """Share of cases in which a score lies inside its interval."""
    decision_margin: Annotated[float, Field(ge=0)]
    """Smallest difference of `overall` between two edits of one source that means something.

    The loop takes it for what 10 % of attempts exceed that are no better, and `basis` says whether it is.
    """
    difference_spread: Annotated[float, Field(ge=0)]
    """Standard deviation of the error of a difference of `overall` between two edits of one source."""
    basis: str
    """What it was calibrated on, and what it does not cover."""


class ProbeResult(WireModel):
    """One question to the scorer whose answer is known beforehand."""

    name: str
    passed: bool
    required: bool
    """Whether the service refuses to become ready where it fails."""
    detail: str
    """What was expected and what came."""
    values: dict[str, float] = Field(default_factory=dict[str, float])
    """The scores that were looked at."""


class ProbeReport(WireModel):
    """Answer of `POST /v1/probes`, and the latest one in `GET /v1/info`."""

    passed: bool
    """Whether every required probe passed."""
    probed_at: Timestamp
    results: tuple[ProbeResult, ...]


class Scoring(WireModel):
    """A part of `GET /v1/info` of the evaluation service."""

    scale: tuple[float, float] = (0.0, 100.0)
    """Worst and best score: higher is better."""
    overall: str = (
        "weighted geometric mean: perceptual_quality^0.3 * instruction_following^0.4 * visual_consistency^0.3"
    )
    weights: ScoreWeights = ScoreWeights()
    reward: str = (
        "with weights w that add up to 1: (perceptual_quality/100)^w1 * (instruction_following/100)^w2 * "
        "(visual_consistency/100)^w3; its interval has the ends of the three intervals in the same formula"
    )
    calibration: Calibration
    probes: ProbeReport | None = None
    """What the probes said last; None before their first run."""
