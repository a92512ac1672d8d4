"""How is a region given the right colour and light? Matched to its source or to its surroundings."""

from collections.abc import Mapping

import cv2
import numpy as np

from services.action import tone
from services.action.backends.detail import densest_tile, luma
from services.action.backends.fields import field_size, finished, smoothed, spread
from services.action.context import RegionContext
from services.action.geometry import distance_from, resized, window
from services.action.tone import Tone

NAME = "harmonize"
"""Changes colour and light of a region slowly over its area; texture stays. Parameters:

`reference` (0 or 1): 1 matches the region to what the registered source shows there, 0 to its surroundings;
`strength` (0..1): share of the correction that is applied.
"""
BOUNDS = {"reference": (0.0, 1.0, 1.0), "strength": (0.0, 1.0, 1.0)}
SAME_CONTENT = 0.25  # correlation of fine texture from which source and region show the same thing
LIGHT_SHARE = 0.12  # of the region's side: light changes no faster than this
BAND_SHARE = 0.25  # of the region's side: width of the bands that are compared across its border
GAINS = (0.6, 1.6)  # more light than this is not a matter of light
NOTHING = 0.015  # a smaller change of gain is none


def harmonize(
    region: RegionContext, parameters: Mapping[str, float]
) -> tuple[np.ndarray, dict[str, float]] | None:
    """The crop with the mask harmonized; None where there is nothing to match, or nothing to match to."""
    if parameters["reference"] >= 0.5:
        return _to_source(region, parameters["strength"])
    return _to_surroundings(region, parameters["strength"])


def _to_source(region: RegionContext, strength: float) -> tuple[np.ndarray, dict[str, float]] | None:
    if not region.covered[region.mask > 0].all() or _texture_match(region) < SAME_CONTENT:
        return None
    size = field_size(region.edited)
    inside = resized(region.mask, size) >= 128
    edited = resized(region.edited, size)
    wanted = region.source_tone.applied(resized(region.source, size))
    relation = tone.fit(edited[inside], wanted[inside], Tone.identity())
    sigma = max(2.0, LIGHT_SHARE * float(np.sqrt(inside.sum())))
    light = smoothed(wanted - relation.applied(edited), inside, sigma)
    field = strength * spread(light, inside)

    def values(rows: slice) -> np.ndarray:
        before = region.edited[rows].astype(np.float32)
        return before + strength * (relation.applied(region.edited[rows]) - before)

    pixels = finished(region.edited, region.mask, values, field)
    return pixels, {"reference": 1.0, "strength": strength}


def _to_surroundings(region: RegionContext, strength: float) -> tuple[np.ndarray, dict[str, float]] | None:
    size = field_size(region.edited)
    mask = resized(region.mask, size) >= 128
    band_px = max(3.0, BAND_SHARE * float(np.sqrt(mask.sum())))
    trusted = resized(region.trusted.astype(np.uint8) * 255, size) > 250
    outer = trusted & (distance_from(mask.astype(np.uint8)) <= band_px)
    inner = mask & (distance_from((~mask).astype(np.uint8)) <= band_px)
    if outer.sum() < 16 or inner.sum() < 16:
        return None
    edited = resized(region.edited, size).astype(np.float32)
    ratio = np.median(edited[outer], axis=0) / np.maximum(np.median(edited[inner], axis=0), 1.0)
    gain = 1 + strength * (np.clip(ratio, *GAINS) - 1)
    if np.abs(gain - 1).max() < NOTHING:
        return None
    relation = Tone.affine((float(gain[0]), float(gain[1]), float(gain[2])), (0.0, 0.0, 0.0))
    pixels = finished(region.edited, region.mask, lambda rows: relation.applied(region.edited[rows]))
    measured = {f"gain_{name}": round(float(g), 4) for name, g in zip("rgb", gain, strict=True)}
    return pixels, {"reference": 0.0, "strength": strength, **measured}


def _texture_match(region: RegionContext) -> float:
    """-1..1: correlation of fine texture between edit and source within the mask."""
    tile = densest_tile(region.mask > 0)
    inside = window(region.mask, tile) > 0
    textures = []
    for picture in (region.edited, region.source):
        gray = luma(window(picture, tile))
        textures.append((gray - cv2.GaussianBlur(gray, (0, 0), 4.0))[inside])
    spread_of = [float(texture.std()) for texture in textures]
    if min(spread_of) < 1.0:  # both are flat: there is no texture to lose
        return 1.0 if max(spread_of) < 2.0 else 0.0
    return float(np.corrcoef(*textures)[0, 1])
