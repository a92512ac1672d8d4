"""Where did the edit go wrong? Saliency maps and flaw regions."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from editrefiner.contracts.backend import BackendInfo
from editrefiner.contracts.base import Instruction, RequestModel, UnitInterval, WireModel
from editrefiner.contracts.images import ImageInput, ImageRef

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the current full-size image; x1 and y1 are exclusive."""


class FlawKind(StrEnum):
    """The two classes of the EditRefiner paper (section 3.1)."""

    ARTIFACT = "artifact"
    """Looks wrong: distorted, blurred, badly lit, unreadable."""
    EDITING_FAILURE = "editing_failure"
    """Is not what was asked: missing, incomplete, wrong or unintended change."""


class FlawRegion(WireModel):
    """One connected region of a saliency map above its threshold."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "r1",
                    "kind": "artifact",
                    "bbox": [312, 88, 402, 190],
                    "area": 6120,
                    "mean_saliency": 0.61,
                    "peak_saliency": 0.93,
                    "mask": {"sha256": "5c" * 32, "media_type": "image/png", "width": 90, "height": 102},
                }
            ]
        }
    )

    id: Annotated[str, Field(min_length=1, max_length=32)]
    kind: FlawKind
    bbox: Box
    area: Annotated[int, Field(gt=0)]
    """Pixels of the mask that are set."""
    mean_saliency: UnitInterval
    peak_saliency: UnitInterval
    mask: ImageRef
    """8-bit single-channel picture of the size of `bbox`; 255 marks the flaw, 0 the rest."""

    @model_validator(mode="after")
    def _box_has_area_and_mask_fits(self) -> Self:
        x0, y0, x1, y1 = self.bbox
        if not (0 <= x0 < x1 and 0 <= y0 < y1):
            raise ValueError(
                f"bbox {self.bbox} is empty or negative; it is x0, y0, x1, y1 with x0 < x1, y0 < y1"
            )
        if (self.mask.width, self.mask.height) != (x1 - x0, y1 - y0):
            raise ValueError(f"mask is {self.mask.width}x{self.mask.height}, its bbox {x1 - x0}x{y1 - y0}")
        return self


class Registration(WireModel):
    """How the edited picture lies on the source, measured where nothing was changed."""

    matrix: tuple[float, float, float, float, float, float] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    """Row-major 2x3 affine map from edited pixel (x, y) to source pixel."""
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Per R, G, B: edited ~ gain * source + offset, on sRGB values 0..255."""
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    residual: Annotated[float, Field(ge=0)] = 0.0
    """Median absolute difference that is left, on 0..255."""
    reliable: bool = True
    """False when too little is unchanged to align on; the other fields are then the identity."""


class EditKind(StrEnum):
    """What kind of change an instruction asks for."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"
    RECOLOR = "recolor"
    MATERIAL = "material"
    TEXT = "text"
    BACKGROUND = "background"
    GLOBAL = "global"
    """Style, season, weather, tone: the whole frame may change."""
    RESTORE = "restore"
    """Denoise, deblur, fill in a hole."""
    UNKNOWN = "unknown"


class ChangeScope(StrEnum):
    """How much of the frame differs from the registered source."""

    NONE = "none"
    LOCAL = "local"
    GLOBAL = "global"


class ChangeSummary(WireModel):
    """What changed between source and edited, and which part of it was asked for."""

    scope: ChangeScope
    edit_kind: EditKind
    changed_fraction: UnitInterval
    intended_mask: ImageRef | None = None
    """8-bit, full size, 255 where the change is taken to be the requested one; None when there is none."""


class Thresholds(WireModel):
    """Absolute saliency at which a pixel counts as flawed."""

    artifact: UnitInterval
    editing_failure: UnitInterval


class PerceiveRequest(RequestModel):
    """Look for flaws in an edit."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "sha256:" + "1a" * 32,
                    "edited": "sha256:" + "2b" * 32,
                    "instruction": "Make the car red",
                    "max_regions": 8,
                }
            ]
        }
    )

    source: ImageInput
    edited: ImageInput
    instruction: Instruction
    max_regions: Annotated[int, Field(ge=1, le=64)] = 8


class Perception(WireModel):
    """Two absolute saliency maps and the regions above threshold. No region is a valid answer."""

    artifact_map: ImageRef
    """8-bit single channel of the size of `edited`; 0..255 stands for 0..1, on one scale for all pictures."""
    failure_map: ImageRef
    mask: ImageRef
    """Union of the regions, full size, 255 = flaw."""
    regions: tuple[FlawRegion, ...]
    """Most salient first."""
    thresholds: Thresholds
    registration: Registration
    change: ChangeSummary
    backend: BackendInfo
