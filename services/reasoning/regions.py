"""Which pixels are asked about? The regions of a request, checked against the picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from editrefiner.contracts import (
    Box,
    DiagnoseRequest,
    FieldError,
    FlawKind,
    FlawRegion,
    ImageInput,
    ImageRef,
    ProblemCode,
    ProblemError,
)

MAX_REGIONS = 64
SET_FROM = 128  # gray level from which a mask pixel counts as marked

Gray = Callable[[ImageRef], np.ndarray]
"""Reads a mask: (H, W) uint8."""


class RegionInvalidError(ProblemError):
    """A region or mask does not fit the picture it belongs to."""

    code: ClassVar[ProblemCode] = ProblemCode.VALIDATION_FAILED
    status: ClassVar[int] = 422


@dataclass(frozen=True)
class Target:
    """One region."""

    id: str
    kind: FlawKind
    box: Box
    mask: np.ndarray
    """(h, w) bool of the size of `box`."""


def reference(image: ImageInput) -> ImageRef:
    """Image fields arrive as references: whoever calls the agent resolves the other forms first."""
    if not isinstance(image, ImageRef):
        raise TypeError(f"expected a resolved image reference, got {type(image).__name__}")
    return image


def read_targets(request: DiagnoseRequest, frame: tuple[int, int], gray: Gray) -> tuple[Target, ...]:
    """The regions in the order of the request; `frame` is (height, width) of the edited picture."""
    if request.mask is not None:
        return _parts(gray(reference(request.mask)), frame)
    return tuple(_read(number, region, frame, gray) for number, region in enumerate(request.regions))


def _read(number: int, region: FlawRegion, frame: tuple[int, int], gray: Gray) -> Target:
    x0, y0, x1, y1 = region.bbox
    if x1 > frame[1] or y1 > frame[0]:
        raise _invalid(
            f"regions.{number}.bbox",
            f"{region.bbox} leaves the edited picture of {frame[1]}x{frame[0]} pixels; "
            "give x0, y0, x1, y1 in pixels of the edited picture",
        )
    mask = gray(region.mask) >= SET_FROM
    if mask.shape != (y1 - y0, x1 - x0):
        raise _invalid(
            f"regions.{number}.mask",
            f"is a picture of {mask.shape[1]}x{mask.shape[0]} pixels, its bbox has {x1 - x0}x{y1 - y0}; "
            "send a mask of the size of the bbox",
        )
    if not mask.any():
        raise _invalid(f"regions.{number}.mask", "marks no pixel; set what is asked about to 255")
    return Target(region.id, region.kind, region.bbox, mask)


def _parts(mask: np.ndarray, frame: tuple[int, int]) -> tuple[Target, ...]:
    """The connected parts of a full-size mask, largest first, as m1, m2, ..."""
    if mask.shape != frame:
        raise _invalid(
            "mask",
            f"is {mask.shape[1]}x{mask.shape[0]} pixels, the edited picture {frame[1]}x{frame[0]}; "
            "send a mask of the size of the edited picture",
        )
    marked = (mask >= SET_FROM).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    if count == 1:
        raise _invalid("mask", "marks no pixel; set what is asked about to 255")
    largest = sorted(range(1, count), key=lambda label: (-stats[label, cv2.CC_STAT_AREA], label))
    targets = []
    for number, label in enumerate(largest[:MAX_REGIONS], start=1):
        x, y, w, h = (int(value) for value in stats[label, :4])
        part = labels[y : y + h, x : x + w] == label
        targets.append(Target(f"m{number}", FlawKind.ARTIFACT, (x, y, x + w, y + h), part))
    return tuple(targets)


def _invalid(field: str, what: str) -> RegionInvalidError:
    return RegionInvalidError(f"{field} {what}.", errors=(FieldError(field=f"body.{field}", message=what),))
