"""How is a region taken back from the source? Registered, toned, softened, blended without a seam."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from services.action.backends.detail import densest_tile, luma, sharpness
from services.action.backends.fields import field_size, finished, smoothed, spread
from services.action.context import RegionContext
from services.action.geometry import distance_from, resized, window

NAME = "restore"
"""Brings back the content of the registered source in the tone of the edited picture. Parameters:

`blend` (0, 1, 2): 0 chooses by the energy of the seam, 1 feathers only, 2 blends in the gradient domain: the
source plus the harmonic field that makes it meet its surroundings (Poisson blending with Dirichlet border).
"""
BOUNDS = {"blend": (0.0, 2.0, 0.0)}
FEATHER, GRADIENT = 1.0, 2.0
BAND_PX = 6.0  # width, in field pixels, of the border on which source and picture are compared
BAND_SMOOTHING_PX = 3.0  # the field follows light, not texture or misalignment
MIN_BAND = 24  # field pixels; a shorter border does not carry a field
VISIBLE_SEAM = 1.0  # gray levels; nobody sees less
SEAM_GAIN = 0.8  # the field must bring the energy of the seam below this share of the plain one
SOFTER = 0.75  # sharpness of the edit, as a share of the source's, below which the source is softened
SOFT_SIGMAS = (0.5, 0.7, 0.9, 1.2, 1.6)  # pixels


@dataclass(frozen=True)
class _Seam:
    """What separates the toned source from the picture along the border of the mask."""

    field: np.ndarray
    """(h, w, 3) float32: what must be added to the source to meet the picture."""
    plain: float
    """Mean gap in gray levels without the field."""
    blended: float
    """Mean gap with it."""


def restore(
    region: RegionContext, parameters: Mapping[str, float]
) -> tuple[np.ndarray, dict[str, float]] | None:
    """The crop with the source in the mask; None where the source does not reach."""
    if not region.covered[region.mask > 0].all():
        return None
    sigma = _softening(region)
    source = region.source if sigma == 0 else cv2.GaussianBlur(region.source, (0, 0), sigma)
    seam = None if parameters["blend"] == FEATHER else _seam(region, source)
    use = seam is not None and (parameters["blend"] == GRADIENT or _is_better(seam))
    pixels = finished(
        region.edited,
        region.mask,
        lambda rows: region.source_tone.applied(source[rows]),
        seam.field if seam is not None and use else None,
    )
    return pixels, {"blend": GRADIENT if use else FEATHER, "softening_px": sigma}


def _is_better(seam: _Seam) -> bool:
    return seam.plain > VISIBLE_SEAM and seam.blended < SEAM_GAIN * seam.plain


def _seam(region: RegionContext, source: np.ndarray) -> _Seam | None:
    size = field_size(region.edited)
    toned = region.source_tone.applied(resized(source, size))
    gap = resized(region.edited, size).astype(np.float32) - toned
    distance = distance_from(resized(region.mask, size))
    band = (resized(region.comparable.astype(np.uint8) * 255, size) > 250) & (distance <= BAND_PX)
    if band.sum() < MIN_BAND:
        return None
    off = np.abs(gap - np.median(gap[band], axis=0)).max(axis=-1)
    usual = max(3.0 * float(np.median(off[band])), 4.0)
    weights = band * np.square(np.maximum(0.0, 1 - np.square(off / usual)))  # other content is no light
    border = smoothed(gap, weights, BAND_SMOOTHING_PX)
    known = band & (weights > 0)
    plain = float(np.abs(gap[known]).mean()) if known.any() else 0.0
    blended = float(np.abs(gap - border)[known].mean()) if known.any() else 0.0
    return _Seam(spread(border, known), plain, blended)


def _softening(region: RegionContext) -> float:
    """The blur, in pixels, that gives the source the softness that the edit has around the region."""
    tile = densest_tile(region.comparable)
    where = window(region.comparable, tile)
    if where.sum() < 400:
        return 0.0
    toned = luma(region.source_tone.applied(window(region.source, tile)))
    wanted = sharpness(luma(window(region.edited, tile)), where)
    if wanted >= SOFTER * sharpness(toned, where):
        return 0.0
    left = {s: abs(sharpness(cv2.GaussianBlur(toned, (0, 0), s), where) - wanted) for s in SOFT_SIGMAS}
    return min(left, key=lambda sigma: left[sigma])
