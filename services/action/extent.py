"""How far may a repair of a region reach? Its mask, the change around it, a margin and a feather."""

from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import Box, RegionPlan
from services.action import alignment
from services.action.composite import blend_weights
from services.action.context import Frame, Placement
from services.action.geometry import (
    box_size,
    distance_from,
    moved,
    resized,
    scaled_size,
    shrink_factor,
    size_of,
    window,
)
from services.action.regions import Target

TOOL = "mask"
"""Name of the tool call that states the extent in a plan. Its parameters:

`grow_px` (0..64): margin around the region that is repaired with it;
`feather_px` (0..64): width over which the repair fades into the picture;
`reach_px` (0..512): how far the region is extended to connected pixels that differ from the source.
"""
BOUNDS = {"grow_px": (0.0, 64.0), "feather_px": (0.0, 64.0), "reach_px": (0.0, 512.0)}
CHANGE_SIDE = 1024  # longest side in pixels at which the change around a region is looked at
CHANGE_BLUR_PX = 1.2  # encoding noise is averaged out before pixels are called different
CHANGE_NOISE = 4.0  # a pixel differs from this multiple of the usual difference on, ...
CHANGE_LEVELS = 6.0  # ... plus this many gray levels


@dataclass(frozen=True)
class Extent:
    """The mask's tool call, within bounds."""

    grow_px: float = 2.0
    feather_px: float = 4.0
    reach_px: float = 0.0

    @classmethod
    def of(cls, plan: RegionPlan) -> "Extent":
        """As the plan says; what it does not say has its default."""
        for call in plan.tool_calls:
            if call.name == TOOL:
                known = {k: v for k, v in call.parameters.items() if k in BOUNDS}
                return cls(**{k: float(np.clip(v, *BOUNDS[k])) for k, v in known.items()})
        return cls()


def weights(frame: Frame, target: Target, placement: Placement, box: Box, extent: Extent) -> np.ndarray:
    """(h, w) uint8 for the crop `box`: how much of the repair each pixel takes; 0 = untouched."""
    mask = np.zeros((box[3] - box[1], box[2] - box[0]), np.uint8)
    window(mask, moved(target.box, -box[0], -box[1]))[:] = target.mask
    if extent.reach_px > 0:
        mask = _extended(frame, mask, placement, box, extent.reach_px)
    fading = blend_weights(mask, extent.grow_px, extent.feather_px)
    if frame.intended is not None and placement.source_applies:  # the margin takes nothing of the edit back
        fading[(window(frame.intended, box) >= 128) & (mask < 128)] = 0
    return fading


def _extended(frame: Frame, mask: np.ndarray, placement: Placement, box: Box, reach_px: float) -> np.ndarray:
    """The mask with the changed pixels that hang together with it."""
    factor = shrink_factor(box_size(box), CHANGE_SIDE)
    size = scaled_size(box_size(box), factor)
    source, covered = alignment.sample(frame.source, placement.source_map, box, factor)
    toned = placement.source_tone.applied(source)
    difference = np.abs(toned - resized(window(frame.edited, box), size)).max(axis=-1)
    difference = cv2.GaussianBlur(difference, (0, 0), CHANGE_BLUR_PX)
    small = resized(mask, size) >= 128
    distance = distance_from(small.astype(np.uint8))
    ring = covered & (distance > 2) & (resized(window(frame.flawed, box), size) == 0)
    if not ring.any() or not small.any():
        return mask
    changed = difference > CHANGE_NOISE * np.median(difference[ring]) + CHANGE_LEVELS
    changed &= covered & (distance <= reach_px * factor)
    if frame.intended is not None:
        changed &= resized(window(frame.intended, box), size) < 128
    _, labels = cv2.connectedComponents((changed | small).astype(np.uint8), connectivity=4)
    joined = np.isin(labels, np.unique(labels[small])).astype(np.uint8) * 255
    joined = cv2.morphologyEx(joined, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.maximum(mask, np.where(resized(joined, size_of(mask)) >= 128, np.uint8(255), np.uint8(0)))
