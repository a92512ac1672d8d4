"""How far may a score lie from the truth? What was measured; without a file, nothing is known."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.evaluation.backends.internvl.errors import CheckpointError
from services.evaluation.backends.internvl.files import read_json

HalfWidth = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
WHOLE_SCALE = 100.0


class HalfWidths(BaseModel):
    """How far each score may lie from what people say, to either side."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    perceptual_quality: HalfWidth
    instruction_following: HalfWidth
    visual_consistency: HalfWidth


class Calibration(BaseModel):
    """What is known about the scores of these very weights."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    coverage: Annotated[float, Field(gt=0, le=1)]
    """Share of edits whose true score lies within the half widths."""
    half_widths: HalfWidths
    decision_margin: Annotated[float, Field(gt=0, le=100)]
    """Smallest difference of `overall` between two edits of one source that means something."""


NONE = Calibration(
    coverage=1.0,
    half_widths=HalfWidths(
        perceptual_quality=WHOLE_SCALE, instruction_following=WHOLE_SCALE, visual_consistency=WHOLE_SCALE
    ),
    # Nothing was measured, so no difference is known to mean anything: every comparison is a tie, and no
    # step of a refinement is accepted on the word of this scorer.
    decision_margin=WHOLE_SCALE,
)


def load_calibration(path: Path | None) -> Calibration:
    """What a file says; without a file, that every score may be any."""
    if path is None:
        return NONE
    try:
        return Calibration.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise CheckpointError(f"{path} is no calibration: {field}: {first['msg']}.") from error
