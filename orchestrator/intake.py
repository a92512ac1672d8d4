"""How does a request become the inputs of a job? Pictures stored and checked, transparency put aside."""

import base64
import binascii
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from editrefiner.artifacts import ArtifactStore, ImageUnreadableError, decode_image
from editrefiner.contracts import (
    FieldError,
    ImageInput,
    ImageRef,
    JobRequest,
    ProblemCode,
    ProblemError,
    RequestModel,
    fingerprint,
)
from editrefiner.serving import Draft
from orchestrator.jobs import JobInputs

RATIO_TOLERANCE = 0.05  # editors round sides to multiples of 8 to 64; more than that is another crop
PNG_COLOR_TYPE_AT = 25  # offset of the colour type in the header of a PNG
PNG_WITH_ALPHA = (4, 6)


class ImagesMismatchedError(ProblemError):
    """The two pictures cannot be an original and its edit."""

    code: ClassVar[ProblemCode] = ProblemCode.IMAGES_MISMATCHED
    status: ClassVar[int] = 422


class ArtifactUpload(RequestModel):
    """Body of `POST /v1/artifacts`."""

    file: ImageInput
    """The picture, as a part of a form or a `data:` URI."""


def job_inputs(draft: Draft[JobRequest], artifacts: ArtifactStore) -> JobInputs:
    """Store the pictures of a request and check that they fit each other. Blocks: it decodes."""
    request = draft.request
    source = _source(request.source, draft, artifacts)
    edited, alpha = _edited(request.edited, draft, artifacts)
    _check_shapes(source, edited)
    return JobInputs(
        source=source,
        edited=edited,
        edited_alpha=alpha,
        instruction=request.instruction,
        parameters=request.parameters,
    )


def body_fingerprint(inputs: JobInputs) -> str:
    """Equal for equal requests, however they were written down: what an idempotency key stands for."""
    return fingerprint(
        {
            "source": inputs.source.sha256,
            "edited": inputs.edited.sha256,
            "edited_alpha": inputs.edited_alpha.sha256 if inputs.edited_alpha else None,
            "instruction": inputs.instruction,
            "parameters": inputs.parameters.model_dump(mode="json"),
        }
    )


def store_upload(draft: Draft[ArtifactUpload], artifacts: ArtifactStore) -> ImageRef:
    """Store one picture with its transparency. Blocks: it decodes."""
    image = draft.request.file
    encoded = _encoded(image, draft.uploads, "file")
    if encoded is None:
        return artifacts.resolve(image, name="file")
    decoded = decode_image(encoded, artifacts.limits, name="file")
    if decoded.alpha is None:
        return artifacts.put_pixels(decoded.pixels)
    return artifacts.put_pixels(np.dstack([decoded.pixels, decoded.alpha]))


def _source(image: ImageInput, draft: Draft[JobRequest], artifacts: ArtifactStore) -> ImageRef:
    encoded = _encoded(image, draft.uploads, "source")
    if encoded is None:
        return artifacts.resolve(image, name="source")
    return artifacts.ingest(encoded, name="source")[0]


def _edited(
    image: ImageInput, draft: Draft[JobRequest], artifacts: ArtifactStore
) -> tuple[ImageRef, ImageRef | None]:
    """The picture to refine without its transparency, and that transparency as a picture of its own."""
    encoded = _encoded(image, draft.uploads, "edited")
    if encoded is None:
        stored = artifacts.resolve(image, name="edited")
        encoded = artifacts.bytes(stored.sha256)
        if encoded[PNG_COLOR_TYPE_AT] not in PNG_WITH_ALPHA:
            return stored, None
    ref, decoded = artifacts.ingest(encoded, name="edited")
    return ref, None if decoded.alpha is None else artifacts.put_pixels(decoded.alpha)


def _encoded(image: ImageInput, uploads: Mapping[str, bytes], name: str) -> bytes | None:
    """The bytes that came with the request; None for a picture that is in the store."""
    if isinstance(image, ImageRef):
        return None
    if image in uploads:
        return uploads[image]
    if image.startswith("sha256:"):
        return None
    try:
        return base64.b64decode(image.partition(",")[2], validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ImageUnreadableError(f"{name} is not valid base64: {exc}. Encode the picture again.") from exc


def _check_shapes(source: ImageRef, edited: ImageRef) -> None:
    ratio = (source.width * edited.height) / (source.height * edited.width)
    if max(ratio, 1 / ratio) <= 1 + RATIO_TOLERANCE:
        return
    sizes = f"source is {source.width}x{source.height} and edited {edited.width}x{edited.height} pixels"
    raise ImagesMismatchedError(
        f"{sizes}: their shapes differ by more than {RATIO_TOLERANCE:.0%}, one is not an edit of the other. "
        "Crop both to the same frame.",
        errors=(FieldError(field="edited", message=f"has another shape than source: {sizes}"),),
    )
