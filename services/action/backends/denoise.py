"""How is noise removed? Non-local means, as strong as the region is noisier than its surroundings."""

from collections.abc import Callable, Iterator, Mapping

import cv2
import numpy as np

from editrefiner.contracts import Box
from services.action.backends.detail import densest_tile, luma, noise_sigma
from services.action.context import RegionContext
from services.action.geometry import moved, padded, size_of, tight_box, window

NAME = "denoise"
"""Non-local means within the mask, down to the noise that the source or the surroundings have. Parameters:

`strength` (0..2): multiplies the noise that was measured; 1 removes what is too much.
"""
BOUNDS = {"strength": (0.0, 2.0, 1.0)}
NOISIER = 0.8  # gray levels of excess noise below which nobody sees any
FILTER_PER_SIGMA = 1.0  # of luma; set on planted noise of 8 to 20 gray levels
COLOR_PER_SIGMA = 1.0
MAX_FILTER = 30.0
TEMPLATE_PX, SEARCH_PX = 5, 17
TILE_PX, TILE_PAD_PX = 512, 12  # a tile takes about a second; a run can end between two


def denoise(
    region: RegionContext, parameters: Mapping[str, float], checkpoint: Callable[[], None]
) -> tuple[np.ndarray, dict[str, float]] | None:
    """The crop with less noise in the mask; None where there is no more of it than around."""
    excess = parameters["strength"] * _excess_sigma(region)
    if excess < NOISIER:
        return None
    whole = tight_box(region.mask)
    assert whole is not None  # a region has pixels
    luma_filter = min(FILTER_PER_SIGMA * excess, MAX_FILTER)
    color_filter = min(COLOR_PER_SIGMA * excess, MAX_FILTER)
    pixels = region.edited.copy()
    for tile in _tiles(whole):
        checkpoint()
        wide = padded(tile, TILE_PAD_PX, size_of(region.edited))
        noisy = np.ascontiguousarray(window(region.edited, wide)[..., ::-1])
        calm = cv2.fastNlMeansDenoisingColored(
            noisy, None, luma_filter, color_filter, TEMPLATE_PX, SEARCH_PX
        )[..., ::-1]
        inside = window(region.mask, tile) > 0
        window(pixels, tile)[inside] = window(calm, moved(tile, -wide[0], -wide[1]))[inside]
    return pixels, {"strength": parameters["strength"], "removed_sigma": round(excess, 2)}


def _excess_sigma(region: RegionContext) -> float:
    """Gray levels of noise in the mask beyond what belongs there."""
    tile = densest_tile(region.mask > 0)
    inside = window(region.mask, tile) > 0
    found = noise_sigma(luma(window(region.edited, tile)), inside)
    if region.source_applies:
        proper = noise_sigma(luma(region.source_tone.applied(window(region.source, tile))), inside)
    else:
        around = densest_tile(region.trusted)
        proper = noise_sigma(luma(window(region.edited, around)), window(region.trusted, around))
    return float(np.sqrt(max(found**2 - proper**2, 0.0)))


def _tiles(box: Box) -> Iterator[Box]:
    for top in range(box[1], box[3], TILE_PX):
        for left in range(box[0], box[2], TILE_PX):
            yield left, top, min(left + TILE_PX, box[2]), min(top + TILE_PX, box[3])
