"""How is lost sharpness brought back? Bounded Richardson-Lucy deconvolution of the luma."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from services.action.backends.detail import densest_tile, luma, sharpness
from services.action.context import RegionContext
from services.action.geometry import padded, size_of, tight_box, window

NAME = "sharpen"
"""Undoes a Gaussian blur within the mask, up to the sharpness of the source or the surroundings. Parameters:

`strength` (0..1): share of the correction that is applied.
"""
BOUNDS = {"strength": (0.0, 1.0, 1.0)}
SIGMAS = (0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 2.8, 3.6, 4.6, 6.0)  # blurs that are tried, in pixels
SOFT = 0.85  # sharpness, as a share of what belongs there, below which a region is called soft
FADES = 1.1  # detail must outlive blur this many times better than it does around a region to be called soft
ROUNDS = 12  # more of them bring up ringing and noise
OVERSHOOT = 0.15  # of the local contrast: how far a pixel may leave the range of its neighbours
PAD_PX = 24
MAX_PIXELS = 6_000_000  # floating-point work stays within some 200 MB


def sharpen(
    region: RegionContext, parameters: Mapping[str, float], checkpoint: Callable[[], None]
) -> tuple[np.ndarray, dict[str, float]] | None:
    """The crop with a sharper mask; None where it is as sharp as what belongs there, or too large."""
    whole = tight_box(region.mask)
    assert whole is not None  # a region has pixels
    box = padded(whole, PAD_PX, size_of(region.edited))
    edited, mask = window(region.edited, box), window(region.mask, box)
    sigma = _blur_sigma(region) if mask.size <= MAX_PIXELS else 0.0
    if sigma == 0.0:
        return None
    before = luma(edited)
    gain = parameters["strength"] * (_deconvolved(before, sigma, checkpoint) - before)
    pixels = region.edited.copy()
    inside = mask > 0
    sharper = edited[inside] + gain[inside][:, None]
    window(pixels, box)[inside] = np.rint(np.clip(sharper, 0, 255)).astype(np.uint8)
    return pixels, {"strength": parameters["strength"], "blur_px": sigma}


def _blur_sigma(region: RegionContext) -> float:
    """The blur to undo, in pixels; 0 when the region is sharp enough."""
    tile = densest_tile(region.mask > 0)
    inside = window(region.mask, tile) > 0
    edited = luma(window(region.edited, tile))
    if region.source_applies:
        source = luma(region.source_tone.applied(window(region.source, tile)))
        if sharpness(edited, inside) >= SOFT * sharpness(source, inside):
            return 0.0
        left = {s: float(np.abs(_blurred(source, s) - edited)[inside].mean()) for s in SIGMAS}
        return min(left, key=lambda sigma: left[sigma])
    around = densest_tile(region.trusted)
    other = luma(window(region.edited, around))
    return _blur_against(edited, inside, other, window(region.trusted, around))


def _blur_against(soft: np.ndarray, inside: np.ndarray, sharp: np.ndarray, around: np.ndarray) -> float:
    """The blur, in pixels, that would make the surroundings as soft as the region; 0 when it is none.

    Judged by the amount of detail and by how quickly detail fades under more blur. The first errs where the
    surroundings have other texture, the second where a blur is wide: the smaller blur is the safe one.
    """
    amount, fading = sharpness(soft, inside), _fading(soft, inside)
    if amount >= SOFT * sharpness(sharp, around) or fading <= FADES * _fading(sharp, around):
        return 0.0
    blurred = {sigma: _blurred(sharp, sigma) for sigma in SIGMAS}
    by_amount = min(SIGMAS, key=lambda s: abs(sharpness(blurred[s], around) - amount))
    by_fading = min(SIGMAS, key=lambda s: abs(_fading(blurred[s], around) - fading))
    return min(by_amount, by_fading)


def _fading(gray: np.ndarray, where: np.ndarray) -> float:
    """0..1: share of the detail that outlives a blur of one pixel; high where all is soft already."""
    return sharpness(_blurred(gray, 1.0), where) / max(sharpness(gray, where), 1e-3)


def _deconvolved(gray: np.ndarray, sigma: float, checkpoint: Callable[[], None] = lambda: None) -> np.ndarray:
    """Richardson-Lucy, kept within reach of what each pixel's neighbours show."""
    observed = gray + 1.0
    estimate = observed.copy()
    for _ in range(ROUNDS):
        checkpoint()
        estimate *= _blurred(observed / np.maximum(_blurred(estimate, sigma), 1e-3), sigma)
    reach = 2 * round(2 * sigma) + 3
    around = np.ones((reach, reach), np.uint8)
    low, high = cv2.erode(gray, around), cv2.dilate(gray, around)
    slack = OVERSHOOT * (high - low) + 2.0
    return np.clip(estimate - 1.0, low - slack, high + slack)


def _blurred(gray: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(gray, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
