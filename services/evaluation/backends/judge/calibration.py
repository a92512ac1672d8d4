"""How far may the judge be off? Half widths and a decision margin, measured on rated edits."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from editrefiner.contracts import Sha256
from services.evaluation.backends.judge.errors import JudgeSetupError

Points = Annotated[float, Field(ge=0, le=100)]


class HalfWidths(BaseModel):
    """How far each score may lie from its value on either side."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    perceptual_quality: Points
    instruction_following: Points
    visual_consistency: Points


class Calibration(BaseModel):
    """What was measured of a judge."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    judge: Sha256
    """Digest of the uncalibrated judge that was measured, as `GET /v1/info` gives it."""
    coverage: Annotated[float, Field(gt=0, le=1)]
    """Share of edits whose rating lay within the half widths."""
    half_widths: HalfWidths
    decision_margin: Points
    """Smallest difference of `overall` that means something."""


def read_calibration(path: Path, judge: str) -> Calibration:
    """The calibration in a file; refused where another judge than this digest's was measured."""
    try:
        found = Calibration.model_validate_json(path.read_bytes())
    except OSError as error:
        raise JudgeSetupError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise JudgeSetupError(f"{path} is no calibration of a judge: {where}: {first['msg']}.") from error
    if found.judge != judge:
        raise JudgeSetupError(
            f"{path} was measured with another judge ({found.judge[:12]}...), not with this one ({judge}): "
            "model, prompt, way of reading and size of pictures must be the same."
        )
    return found
