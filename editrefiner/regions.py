"""Which pixels does a request mark? Its regions or its mask, read the same by every agent that takes them.

A mask is split into `m1`, `m2`, ... here and nowhere else: what one agent says of `m2` another can act on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from editrefiner.contracts import (
    Box,
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
FIRST_GAP_PX = 3  # marks closer than this belong to one region; doubled until there are few enough regions

Gray = Callable[[ImageRef], np.ndarray]
"""Reads a mask: (H, W) uint8."""


class RegionInvalidError(ProblemError):
    """A region or mask does not fit the picture it belongs to."""

    code: ClassVar[ProblemCode] = ProblemCode.VALIDATION_FAILED
    status: ClassVar[int] = 422


@dataclass(frozen=True)
class MarkedRegion:
    """One region with its pixels."""

    id: str
    kind: FlawKind
    box: Box
    """The smallest box around the marked pixels."""
    mask: np.ndarray
    """(h, w) uint8 of the size of `box`; 255 marks the flaw, 0 the rest."""
    saliency: float
    """0..1."""


def read_regions(
    regions: Sequence[FlawRegion], mask: ImageInput | None, size: tuple[int, int], gray: Gray
) -> tuple[MarkedRegion, ...]:
    """The regions in the order of the request, or the parts of its mask, largest first.

    `size` is (width, height) of the edited picture. RegionInvalidError names the field that is wrong.
    """
    if mask is not None:
        assert isinstance(mask, ImageRef), "the service resolves image fields before it runs an agent"
        return _parts(full_mask(mask, size, gray, "mask"))
    _check_unique([region.id for region in regions])
    return tuple(_read(number, region, size, gray) for number, region in enumerate(regions))


def full_mask(ref: ImageRef, size: tuple[int, int], gray: Gray, field: str) -> np.ndarray:
    """A mask of the whole picture as (H, W) uint8 of 0 and 255."""
    mask = gray(ref)
    if mask.shape != size[::-1]:
        raise invalid(
            field,
            f"is {mask.shape[1]}x{mask.shape[0]} pixels, the edited picture {size[0]}x{size[1]}; "
            "send a mask of the size of the edited picture",
        )
    return _binary(mask)


def invalid(field: str, what: str) -> RegionInvalidError:
    """The problem with a field of the request."""
    return RegionInvalidError(f"{field} {what}.", errors=(FieldError(field=f"body.{field}", message=what),))


def _read(number: int, region: FlawRegion, size: tuple[int, int], gray: Gray) -> MarkedRegion:
    x0, y0, x1, y1 = region.bbox
    if x1 > size[0] or y1 > size[1]:
        raise invalid(
            f"regions.{number}.bbox",
            f"{region.bbox} leaves the edited picture of {size[0]}x{size[1]} pixels; "
            "give x0, y0, x1, y1 in pixels of the edited picture",
        )
    mask = gray(region.mask)
    if mask.shape != (y1 - y0, x1 - x0):
        raise invalid(
            f"regions.{number}.mask",
            f"is a picture of {mask.shape[1]}x{mask.shape[0]} pixels, its bbox has {x1 - x0}x{y1 - y0}; "
            "send a mask of the size of the bbox",
        )
    mask = _binary(mask)
    box = _tight_box(mask)
    if box is None:
        raise invalid(f"regions.{number}.mask", "marks no pixel; set the flaw to 255")
    return MarkedRegion(region.id, region.kind, _moved(box, x0, y0), _cut(mask, box), region.mean_saliency)


def _parts(mask: np.ndarray) -> tuple[MarkedRegion, ...]:
    whole = _tight_box(mask)
    if whole is None:
        raise invalid("mask", "marks no pixel; set the flaw to 255")
    marked = _cut(mask, whole)
    found: list[tuple[Box, np.ndarray]] = []
    for near, box in _joined(marked):
        part = np.where(near, _cut(marked, box), np.uint8(0))
        tight = _tight_box(part)
        assert tight is not None, "what is joined grew from marked pixels"
        found.append((_moved(tight, whole[0] + box[0], whole[1] + box[1]), _cut(part, tight)))
    found.sort(key=lambda item: (-cv2.countNonZero(item[1]), item[0]))
    return tuple(
        MarkedRegion(f"m{number}", FlawKind.ARTIFACT, box, part, 1.0)
        for number, (box, part) in enumerate(found, start=1)
    )


def _joined(mask: np.ndarray) -> Iterator[tuple[np.ndarray, Box]]:
    """Marks that lie together: for each such group its pixels within its box, and that box."""
    distance = cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    gap_px = FIRST_GAP_PX
    while True:
        near = (distance <= gap_px / 2).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
        if count <= MAX_REGIONS + 1:
            break
        gap_px *= 2
    for label, (x, y, width, height, _) in enumerate(stats[1:].tolist(), start=1):
        box = (x, y, x + width, y + height)
        yield _cut(labels, box) == label, box


def _check_unique(ids: Sequence[str]) -> None:
    for number, name in enumerate(ids):
        if name in ids[:number]:
            raise invalid(f"regions.{number}.id", f"{name!r} is used twice; give every region its own id")


def _binary(mask: np.ndarray) -> np.ndarray:
    return np.where(mask >= SET_FROM, np.uint8(255), np.uint8(0))


def _tight_box(mask: np.ndarray) -> Box | None:
    x, y, width, height = cv2.boundingRect(mask)
    return (x, y, x + width, y + height) if width else None


def _cut(picture: np.ndarray, box: Box) -> np.ndarray:
    return picture[box[1] : box[3], box[0] : box[2]]


def _moved(box: Box, dx: int, dy: int) -> Box:
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy
