"""Repair it: plans, candidates and the proof that nothing else was touched."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from editrefiner.contracts.backend import BackendInfo
from editrefiner.contracts.base import Instruction, RequestModel, Seed, UnitInterval, WireModel
from editrefiner.contracts.images import ImageInput, ImageRef
from editrefiner.contracts.perception import ChangeSummary, FlawRegion, Registration
from editrefiner.contracts.reasoning import FlawDiagnosis, Operation


class ToolCall(WireModel):
    """One interpretable operator with its parameters."""

    name: str
    parameters: dict[str, float] = Field(default_factory=dict)


class RegionPlan(WireModel):
    """What is done to one region."""

    region_id: str
    operation: Operation
    instruction: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    expected_effect: str = ""


class EditPlan(WireModel):
    """A plan as executed; regions not named are left."""

    regions: tuple[RegionPlan, ...]


class ProtectionReport(WireModel):
    """The proof of guarantee 1, measured on the finished picture against the picture it repairs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "max_difference_outside": 0,
                    "mean_difference_outside": 0.0,
                    "mask_pixels": 6120,
                    "changed_pixels": 5980,
                    "shift_px": [0.0, 0.0],
                    "scale": 1.0,
                    "clipped_edge_fraction": 0.0,
                    "holds": True,
                }
            ]
        }
    )

    max_difference_outside: Annotated[int, Field(ge=0, le=255)]
    """Largest channel difference where the mask is 0."""
    mean_difference_outside: Annotated[float, Field(ge=0)]
    mask_pixels: Annotated[int, Field(ge=0)]
    """Pixels that were allowed to change: the repaired regions with their feather."""
    changed_pixels: Annotated[int, Field(ge=0)]
    shift_px: tuple[float, float] = (0.0, 0.0)
    """Residual shift of the editor's output against the frame, after it was registered back."""
    scale: float = 1.0
    clipped_edge_fraction: UnitInterval = 0.0
    """Share of the mask's border on which the repair does not meet its surroundings."""
    holds: bool
    """Same size, and not one pixel outside the mask differs."""


class EditCandidate(WireModel):
    """One finished repair."""

    image: ImageRef
    mask: ImageRef
    """8-bit, full size; 0 = bit-identical to the picture that was repaired, above 0 = blend weight."""
    plan: EditPlan
    protection: ProtectionReport
    seed: Seed


class EditRequest(RequestModel):
    """Repair diagnosed regions of `edited`, or whatever `mask` marks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "sha256:" + "1a" * 32,
                    "edited": "sha256:" + "2b" * 32,
                    "mask": "sha256:" + "3c" * 32,
                    "instruction": "Make the car red",
                    "candidates": 3,
                }
            ]
        }
    )

    source: ImageInput
    edited: ImageInput
    instruction: Instruction
    regions: Annotated[tuple[FlawRegion, ...], Field(max_length=64)] = ()
    mask: ImageInput | None = None
    """Instead of `regions`: a picture of the size of `edited`, 255 = repair here. Its parts are regions m1,
    m2, ..., largest first."""
    flaws: Annotated[tuple[FlawDiagnosis, ...], Field(max_length=64)] = ()
    """Diagnoses by region id; a region without one is repaired by what its kind suggests."""
    registration: Registration | None = None
    change: ChangeSummary | None = None
    candidates: Annotated[int, Field(ge=1, le=8)] = 3
    attempt: Annotated[int, Field(ge=0, le=16)] = 0
    """How many rounds on this very picture were rejected before: later attempts try other operations."""
    seed: Seed = 0

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if bool(self.regions) == (self.mask is not None):
            raise ValueError(
                "give either regions or a mask of what is to be repaired, not both and not neither"
            )
        return self


class EditResult(WireModel):
    """Finished candidates, best guess first. Empty when every region is better left alone."""

    candidates: tuple[EditCandidate, ...]
    backend: BackendInfo
