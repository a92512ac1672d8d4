"""How far may a model's scores be off? As was measured of this very scorer; without a file, nobody knows."""

from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from editrefiner.contracts import ProblemCode, ProblemError, Score, Sha256, fingerprint
from services.evaluation.marks import Estimate

WHOLE_SCALE = 100.0


class CalibrationError(ProblemError):
    """The file is not there, is no calibration, or was measured with another scorer."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


class HalfWidths(BaseModel):
    """How far each score may lie from its value on either side."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    perceptual_quality: Score
    instruction_following: Score
    visual_consistency: Score


class Calibration(BaseModel):
    """What a calibration file says of a scorer on rated edits."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    scorer: Sha256
    """Digest of the uncalibrated scorer that was measured, as `GET /v1/info` gives it."""
    coverage: Annotated[float, Field(gt=0, le=1)]
    """Share of edits whose rating lay within the half widths."""
    half_widths: HalfWidths
    decision_margin: Score
    """Smallest difference of `overall` between two edits of one source that means something."""
    difference_spread: Annotated[float, Field(ge=0)]
    """Standard deviation of the error of such a difference."""
    basis: Annotated[str, Field(min_length=1)]
    """What it was measured on, and what that does not cover, in words."""


@dataclass(frozen=True)
class Trust:
    """How far a scorer's numbers are to be trusted: the part of a Scorer that a calibration decides."""

    digest: str
    """Of the scorer with its calibration."""
    measured: bool
    coverage: float
    half_widths: HalfWidths
    decision_margin: float
    difference_spread: float
    basis: str

    def estimate(self, dimension: str, value: float) -> Estimate:
        """A score of 0..100 with its interval."""
        half = getattr(self.half_widths, dimension)
        return Estimate(value, max(0.0, value - half), min(WHOLE_SCALE, value + half))


@dataclass(frozen=True)
class Unmeasured:
    """What a backend takes for the errors of `overall` as long as nobody measured them."""

    score_error: float
    """Standard error of `overall`, which is also the decision margin."""
    because: str
    """Where that comes from; a sentence."""

    def trust(self, scorer: str) -> Trust:
        """Intervals are the whole scale, which is always right."""
        whole = HalfWidths(
            perceptual_quality=WHOLE_SCALE, instruction_following=WHOLE_SCALE, visual_consistency=WHOLE_SCALE
        )
        return Trust(
            digest=scorer,
            measured=False,
            coverage=1.0,
            half_widths=whole,
            decision_margin=self.score_error,
            # Of two errors that are taken for independent; errors on one source are rather alike, and less.
            difference_spread=self.score_error * sqrt(2),
            basis=f"Nothing was measured here: the intervals are the whole scale. {self.because}",
        )


def trust(path: Path | None, scorer: str, unmeasured: Unmeasured) -> Trust:
    """By the file, where one is named; it is refused where another scorer than this digest's was measured."""
    if path is None:
        return unmeasured.trust(scorer)
    found = _read(path)
    if found.scorer != scorer:
        raise CalibrationError(
            f"{path} was measured with another scorer ({found.scorer[:12]}...), not with this one "
            f"({scorer}): weights, words, precision and all settings that change an answer must be the same."
        )
    return Trust(
        digest=fingerprint([scorer, found.model_dump()]),
        measured=True,
        coverage=found.coverage,
        half_widths=found.half_widths,
        decision_margin=found.decision_margin,
        difference_spread=found.difference_spread,
        basis=found.basis,
    )


def _read(path: Path) -> Calibration:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CalibrationError(f"There is no file {path}.") from error
    except OSError as error:
        raise CalibrationError(f"{path} cannot be read: {error}") from error
    try:
        return Calibration.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise CalibrationError(f"{path} is no calibration of a scorer: {where}: {first['msg']}.") from error
