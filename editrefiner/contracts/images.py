"""How a picture is named on the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from editrefiner.contracts.base import Instruction, Sha256, WireModel

MediaType = Literal["image/png", "image/jpeg", "image/webp", "image/tiff"]

DataUri = Annotated[str, StringConstraints(pattern=r"^data:image/[a-z0-9.+-]+;base64,")]
ArtifactId = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class ImageRef(WireModel):
    """A picture in the artifact store, named by the SHA-256 of its encoded bytes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sha256": "9f" * 32, "media_type": "image/png", "width": 1024, "height": 768}]
        }
    )

    sha256: Sha256
    media_type: MediaType = "image/png"
    width: Annotated[int, Field(gt=0)]
    """Pixels."""
    height: Annotated[int, Field(gt=0)]
    """Pixels."""

    @property
    def artifact_id(self) -> str:
        """The short form `sha256:<hex>`, accepted wherever an image is."""
        return f"sha256:{self.sha256}"


ImageInput = ImageRef | ArtifactId | DataUri
"""What an image field of a request takes: a reference, an artifact id, or a `data:` URI. Never a URL."""


class ImageLimits(BaseModel):
    """What a process accepts as a picture, checked on the header before anything is decoded."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_bytes: Annotated[int, Field(gt=0)] = 25 * 2**20
    max_pixels: Annotated[int, Field(gt=0)] = 40_000_000
    max_side: Annotated[int, Field(gt=0)] = 16_384
    max_ratio: Annotated[float, Field(ge=1)] = 100.0
    """Longer side over shorter side."""
    max_frames: Annotated[int, Field(gt=0)] = 1
    """Frames or pages; the first is the one that is read."""


class EditSample(WireModel):
    """One edit to look at: the picture before, the picture now, and what was asked for."""

    source: ImageRef
    edited: ImageRef
    instruction: Instruction
