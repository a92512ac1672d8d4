"""Which pixels are to be repaired, and what is known of them? The marked regions with their diagnoses."""

from collections.abc import Set
from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import Box, EditRequest, FlawDiagnosis, FlawKind
from editrefiner.regions import Gray, invalid, read_regions
from services.action.geometry import Size


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
    marked = read_regions(request.regions, request.mask, frame, gray)
    diagnoses = _diagnoses(request, {region.id for region in marked})
    return tuple(
        Target(one.id, one.kind, one.box, one.mask, one.saliency, diagnoses.get(one.id)) for one in marked
    )


def _diagnoses(request: EditRequest, known: Set[str]) -> dict[str, FlawDiagnosis]:
    for i, flaw in enumerate(request.flaws):
        if flaw.region_id not in known:
            raise invalid(
                f"flaws.{i}.region_id",
                f"{flaw.region_id!r} is none of the regions of this request ({', '.join(sorted(known))}); "
                "name one of them or leave the diagnosis out",
            )
    return {flaw.region_id: flaw for flaw in request.flaws}
