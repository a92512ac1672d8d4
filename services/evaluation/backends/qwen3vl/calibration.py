"""How far may a score be off? Half widths and the decision margin, from a file made for this scorer."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from editrefiner.contracts import Score, Sha256
from services.qwen3vl import CheckpointError, read_json

Positive = Annotated[float, Field(gt=0, lt=1)]

# The publisher reports a correlation of 0.8842 between overall and mean opinion, which leaves
# sqrt(1 - 0.8842^2) = 0.467 of the spread of opinions unexplained. Opinions are z-scores times 100/6, so that
# this spread is at most 16.7 points and one standard error of a score at most 7.8: a smaller difference may
# well be the scorer's own error.
UNCALIBRATED_MARGIN = 7.8


class HalfWidths(BaseModel):
    """How far each score may lie from its value on either side."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    perceptual_quality: Score
    instruction_following: Score
    visual_consistency: Score


class Calibration(BaseModel):
    """What was measured of a scorer on rated edits."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    scorer: Sha256
    """Digest of the uncalibrated scorer that was measured, as `GET /v1/info` gives it."""
    coverage: Positive
    """Share of edits whose rating lay within the half widths."""
    half_widths: HalfWidths
    decision_margin: Annotated[float, Field(ge=0, le=100)]
    """Smallest difference of `overall` that means something."""


def read_calibration(path: Path, scorer: str) -> Calibration:
    """The calibration in a file; refused where it was measured with another scorer than this digest's."""
    try:
        found = Calibration.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CheckpointError(f"{path} is no calibration of a scorer: {where}: {first['msg']}.") from error
    if found.scorer != scorer:
        raise CheckpointError(
            f"{path} was measured with another scorer ({found.scorer[:12]}...), not with this one "
            f"({scorer}): weights, positions, precision and kind of overall must be the same."
        )
    return found
