"""Which pixels are to be repaired? The regions of a request, checked against the picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np

from editrefiner.contracts import (
    Box,
    EditRequest,
    FieldError,
    FlawDiagnosis,
    FlawKind,
    FlawRegion,
    ImageRef,
    ProblemCode,
    ProblemError,
)
from services.action.geometry import Size, grown, moved, size_of, tight_box, window

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
class Target:
    """One region as the editor sees it."""

    id: str
    kind: FlawKind
    box: Box
    """The smallest box around the marked pixels."""
    mask: np.ndarray
    """(h, w) uint8 of the size of `box`; 255 marks the flaw, 0 the rest."""
    saliency: float
    diagnosis: FlawDiagnosis | None = None

    @property
    def area(self) -> int:
        """Marked pixels."""
        return int(cv2.countNonZero(self.mask))


def read_targets(request: EditRequest, frame: Size, gray: Gray) -> tuple[Target, ...]:
    """The regions to repair, in the order of the request; a problem names the field that is wrong."""
    if request.mask is None:
        targets = [_read(i, region, frame, gray) for i, region in enumerate(request.regions)]
    else:
        assert isinstance(request.mask, ImageRef)  # the service resolves image fields before it runs an agent
        targets = _parts(full_mask(request.mask, frame, gray, "mask"))
    _check_unique([target.id for target in targets])
    diagnoses = _diagnoses(request, {target.id for target in targets})
    return tuple(Target(t.id, t.kind, t.box, t.mask, t.saliency, diagnoses.get(t.id)) for t in targets)


def full_mask(ref: ImageRef, frame: Size, gray: Gray, field: str) -> np.ndarray:
    """A mask of the whole picture as (H, W) uint8 of 0 and 255."""
    mask = gray(ref)
    if size_of(mask) != frame:
        raise _invalid(
            field,
            f"is {mask.shape[1]}x{mask.shape[0]} pixels, the edited picture {frame[0]}x{frame[1]}; "
            "send a mask of the size of the edited picture",
        )
    return _binary(mask)


def _read(number: int, region: FlawRegion, frame: Size, gray: Gray) -> Target:
    x0, y0, x1, y1 = region.bbox
    if x1 > frame[0] or y1 > frame[1]:
        raise _invalid(
            f"regions.{number}.bbox",
            f"{region.bbox} leaves the edited picture of {frame[0]}x{frame[1]} pixels; "
            "give x0, y0, x1, y1 in pixels of the edited picture",
        )
    mask = gray(region.mask)
    if size_of(mask) != (x1 - x0, y1 - y0):
        raise _invalid(
            f"regions.{number}.mask",
            f"is a picture of {mask.shape[1]}x{mask.shape[0]} pixels, its bbox has {x1 - x0}x{y1 - y0}; "
            "send a mask of the size of the bbox",
        )
    mask = _binary(mask)
    tight = tight_box(mask)
    if tight is None:
        raise _invalid(f"regions.{number}.mask", "marks no pixel; set what is to be repaired to 255")
    box = (x0 + tight[0], y0 + tight[1], x0 + tight[2], y0 + tight[3])
    return Target(region.id, region.kind, box, window(mask, tight), region.mean_saliency)


def _parts(mask: np.ndarray) -> list[Target]:
    """The separate parts of a mask, largest first, as m1, m2, ..."""
    whole = tight_box(mask)
    if whole is None:
        raise _invalid("mask", "marks no pixel; set what is to be repaired to 255")
    found = []
    for near, box in _joined(window(mask, whole)):
        part = np.where(near, window(window(mask, whole), box), np.uint8(0))
        tight = tight_box(part)
        assert tight is not None  # what is joined grew from marked pixels
        place = moved(tight, whole[0] + box[0], whole[1] + box[1])
        found.append((place, window(part, tight)))
    found.sort(key=lambda item: (-cv2.countNonZero(item[1]), item[0]))
    return [
        Target(f"m{i}", FlawKind.ARTIFACT, box, part, 1.0) for i, (box, part) in enumerate(found, start=1)
    ]


def _joined(mask: np.ndarray) -> list[tuple[np.ndarray, Box]]:
    """Marks that lie together: for each such group its pixels within its box, and that box."""
    gap_px = FIRST_GAP_PX
    while True:
        near = grown(mask, gap_px / 2).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
        if count <= MAX_REGIONS + 1:
            boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:].tolist()]
            return [(window(labels, box) == i, box) for i, box in enumerate(boxes, start=1)]
        gap_px *= 2


def _diagnoses(request: EditRequest, known: set[str]) -> dict[str, FlawDiagnosis]:
    for i, flaw in enumerate(request.flaws):
        if flaw.region_id not in known:
            raise _invalid(
                f"flaws.{i}.region_id",
                f"{flaw.region_id!r} is none of the regions of this request ({', '.join(sorted(known))}); "
                "name one of them or leave the diagnosis out",
            )
    return {flaw.region_id: flaw for flaw in request.flaws}


def _check_unique(ids: list[str]) -> None:
    for i, name in enumerate(ids):
        if name in ids[:i]:
            raise _invalid(f"regions.{i}.id", f"{name!r} is used twice; give every region its own id")


def _binary(mask: np.ndarray) -> np.ndarray:
    return np.where(mask >= SET_FROM, np.uint8(255), np.uint8(0))


def _invalid(field: str, what: str) -> RegionInvalidError:
    return RegionInvalidError(f"{field} {what}.", errors=(FieldError(field=f"body.{field}", message=what),))
