"""What is wrong there, and why? Flaw types and diagnoses."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from editrefiner.contracts.backend import BackendInfo
from editrefiner.contracts.base import Instruction, RequestModel, UnitInterval, WireModel
from editrefiner.contracts.images import ImageInput
from editrefiner.contracts.perception import ChangeSummary, FlawKind, FlawRegion, Registration

TAXONOMY_VERSION = "1"


class FlawType(StrEnum):
    """Taxonomy v1. The papers publish no list, so free text stands beside it in every diagnosis."""

    DISTORTED_STRUCTURE = "distorted_structure"
    UNNATURAL_TEXTURE = "unnatural_texture"
    BLUR = "blur"
    NOISE = "noise"
    SEAM_OR_HALO = "seam_or_halo"
    COLOR_CAST = "color_cast"
    LIGHTING_MISMATCH = "lighting_mismatch"
    ILLEGIBLE_TEXT = "illegible_text"
    DUPLICATED_CONTENT = "duplicated_content"
    ANATOMY = "anatomy"
    MISSING_EDIT = "missing_edit"
    INCOMPLETE_EDIT = "incomplete_edit"
    WRONG_CONTENT = "wrong_content"
    UNINTENDED_CHANGE = "unintended_change"
    UNINTENDED_REMOVAL = "unintended_removal"
    GEOMETRY_SHIFT = "geometry_shift"
    GLOBAL_DRIFT = "global_drift"
    LEFTOVER = "leftover"

    @property
    def kind(self) -> FlawKind:
        """Which of the paper's two classes a type belongs to."""
        return FlawKind.ARTIFACT if self in _ARTIFACTS else FlawKind.EDITING_FAILURE


_ARTIFACTS = frozenset(
    {
        FlawType.DISTORTED_STRUCTURE,
        FlawType.UNNATURAL_TEXTURE,
        FlawType.BLUR,
        FlawType.NOISE,
        FlawType.SEAM_OR_HALO,
        FlawType.COLOR_CAST,
        FlawType.LIGHTING_MISMATCH,
        FlawType.ILLEGIBLE_TEXT,
        FlawType.DUPLICATED_CONTENT,
        FlawType.ANATOMY,
    }
)


class Operation(StrEnum):
    """How a region is repaired."""

    DIFFUSION = "diffusion"
    """Re-edited by a generative editor."""
    TOOLS = "tools"
    """Changed by interpretable tools (harmonize, denoise, sharpen, ...)."""
    RESTORE = "restore"
    """Taken back from the registered source."""
    INPAINT = "inpaint"
    """Filled in from its surroundings."""
    LEAVE = "leave"
    """Not touched."""


class Evidence(WireModel):
    """One measured fact."""

    name: str
    """Snake case, e.g. `sharpness_ratio`."""
    value: float
    unit: str
    """`ratio`, `delta_e`, `gray_levels`, `px`, `fraction`, ..."""
    meaning: str
    """One clause in English that states the fact with its value."""


class FlawDiagnosis(WireModel):
    """What is wrong in one region."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "region_id": "r1",
                    "is_flaw": True,
                    "flaw_type": "blur",
                    "flaw_type_text": "blurred patch",
                    "explanation": "The area keeps its content but has lost 71 % of its fine detail.",
                    "severity": 0.6,
                    "confidence": 0.8,
                    "evidence": [
                        {
                            "name": "sharpness_ratio",
                            "value": 0.29,
                            "unit": "ratio",
                            "meaning": "fine detail is 29 % of the source's",
                        }
                    ],
                    "suggested_operation": "restore",
                    "edit_instruction": "Bring back the fine detail of this area.",
                }
            ]
        }
    )

    region_id: str
    is_flaw: bool = True
    """False when a closer look finds nothing wrong: the region is then left alone."""
    flaw_type: FlawType
    flaw_type_text: str
    """Free text beside the taxonomy."""
    explanation: str
    """What is seen and why it is a flaw, relative to the instruction."""
    severity: UnitInterval
    confidence: UnitInterval
    evidence: tuple[Evidence, ...] = ()
    suggested_operation: Operation
    edit_instruction: Annotated[str, Field(max_length=2000)]
    """What an editor should do here, in one or two sentences."""


class DiagnoseRequest(RequestModel):
    """Explain flaw regions, or whatever `mask` marks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "sha256:" + "1a" * 32,
                    "edited": "sha256:" + "2b" * 32,
                    "mask": "sha256:" + "3c" * 32,
                    "instruction": "Make the car red",
                }
            ]
        }
    )

    source: ImageInput
    edited: ImageInput
    instruction: Instruction
    regions: Annotated[tuple[FlawRegion, ...], Field(max_length=64)] = ()
    mask: ImageInput | None = None
    """Instead of `regions`: a picture of the size of `edited`, 255 = explain this. Its connected parts are
    regions m1, m2, ..., largest first."""
    registration: Registration | None = None
    """As perception measured it; None stands for the identity."""
    change: ChangeSummary | None = None

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if bool(self.regions) == (self.mask is not None):
            raise ValueError("give either regions or a mask of what is to be explained, not both")
        return self


class Diagnosis(WireModel):
    """One entry per region asked about, in that order."""

    taxonomy_version: str = TAXONOMY_VERSION
    flaws: tuple[FlawDiagnosis, ...]
    summary: str
    backend: BackendInfo
