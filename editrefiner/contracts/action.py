"""Repair it: plans, candidates and the proof that nothing else was touched."""

from typing import Annotated

from pydantic import ConfigDict, Field

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
    """Repair diagnosed regions of `edited`."""

    source: ImageInput
    edited: ImageInput
    instruction: Instruction
    regions: Annotated[tuple[FlawRegion, ...], Field(min_length=1, max_length=64)]
    flaws: Annotated[tuple[FlawDiagnosis, ...], Field(max_length=64)] = ()
    """Diagnoses by region id; a region without one is repaired by what its kind suggests."""
    registration: Registration | None = None
    change: ChangeSummary | None = None
    candidates: Annotated[int, Field(ge=1, le=8)] = 3
    attempt: Annotated[int, Field(ge=0, le=16)] = 0
    """How many rounds on this very picture were rejected before: later attempts try other operations."""
    seed: Seed = 0


class EditResult(WireModel):
    """Finished candidates, best guess first. Empty when every region is better left alone."""

    candidates: tuple[EditCandidate, ...]
    backend: BackendInfo
