"""How does a repair enter the picture without touching the rest, and what proves it?"""

import numpy as np

from editrefiner.contracts import Box, ProtectionReport
from services.action.geometry import distance_from, window

MEETS = 32  # gray levels between repair and picture at the mask's border that a feather hides
STRIP_ROWS = 512  # rows measured at a time: bounds the memory that a large picture takes


def blend_weights(mask: np.ndarray, grow_px: float, feather_px: float) -> np.ndarray:
    """(h, w) uint8: 255 up to `grow_px` from the mask, then smoothly down to 0 within `feather_px` more."""
    ramp = np.clip((grow_px + feather_px + 1 - distance_from(mask)) / (feather_px + 1), 0, 1)
    return np.rint(255 * ramp * ramp * (3 - 2 * ramp)).astype(np.uint8)


class Canvas:
    """A picture under repair. Where `weights` is 0 it is the picture it started from, bit for bit."""

    def __init__(self, base: np.ndarray) -> None:
        self.base = base
        self.pixels = base.copy()
        self.weights = np.zeros(base.shape[:2], np.uint8)
        self._border_pixels = 0
        self._unmet_pixels = 0

    def lay(self, box: Box, repaired: np.ndarray, weights: np.ndarray) -> None:
        """Blend a repaired crop in; both crops have the size of `box`."""
        below = window(self.pixels, box)
        border = (weights > 0) & (weights < 255)
        gap = np.abs(repaired[border].astype(np.int16) - below[border]).max(axis=-1, initial=0)
        self._border_pixels += int(border.sum())
        self._unmet_pixels += int((gap > MEETS).sum())
        weight = weights[..., None].astype(np.uint16)
        below[:] = ((below * (255 - weight) + repaired * weight + 127) // 255).astype(np.uint8)
        kept = window(self.weights, box)
        np.maximum(kept, weights, out=kept)

    def protection(self, shift_px: tuple[float, float], scale: float) -> ProtectionReport:
        """Measure the finished picture against the one it repairs."""
        largest, total, outside, changed = 0, 0, 0, 0
        same_size = self.pixels.shape == self.base.shape
        for top in range(0, len(self.base), STRIP_ROWS):
            rows = slice(top, top + STRIP_ROWS)
            difference = np.abs(self.pixels[rows].astype(np.int16) - self.base[rows])
            free = self.weights[rows] == 0
            stray = difference[free]
            largest = max(largest, int(stray.max(initial=0)))
            total += int(stray.sum())
            outside += stray.size
            changed += int((difference.max(axis=-1) > 0).sum())
        return ProtectionReport(
            max_difference_outside=largest,
            mean_difference_outside=total / outside if outside else 0.0,
            mask_pixels=int(np.count_nonzero(self.weights)),
            changed_pixels=changed,
            shift_px=shift_px,
            scale=scale,
            clipped_edge_fraction=self._unmet_pixels / self._border_pixels if self._border_pixels else 0.0,
            holds=same_size and largest == 0,
        )
