"""How is a smooth field made and added? Slow changes of colour over a crop, computed small, applied large."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from services.action.geometry import scaled_size, shrink_factor, size_of

FIELD_SIDE = 320  # longest side in pixels at which fields are computed: they are smooth by definition
STRIP_ROWS = 256  # rows finished at a time: bounds the memory of floating-point pixels
RELAXATIONS = 80  # sweeps that turn the coarse-to-fine guess into a harmonic field, seen to be smooth


def field_size(picture: np.ndarray) -> tuple[int, int]:
    """Width and height of a field over this crop."""
    return scaled_size(size_of(picture), shrink_factor(size_of(picture), FIELD_SIDE))


def spread(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32: `values` where `weights` (h, w) is 1, and harmonic (Laplace) in between."""
    known = weights[..., None].astype(np.float32)
    field = _pulled(values * known, known)
    for _ in range(RELAXATIONS):
        smooth = cv2.blur(field, (3, 3), borderType=cv2.BORDER_REPLICATE)
        field = values * known + smooth * (1 - known)
    return field


def smoothed(values: np.ndarray, weights: np.ndarray, sigma_px: float) -> np.ndarray:
    """(h, w, 3) float32: Gaussian averages of `values` that see only pixels of positive weight."""
    weights = weights.astype(np.float32)
    total = cv2.GaussianBlur(values * weights[..., None], (0, 0), sigma_px)
    return total / np.maximum(cv2.GaussianBlur(weights, (0, 0), sigma_px), 1e-6)[..., None]


def finished(
    base: np.ndarray,
    mask: np.ndarray,
    values: Callable[[slice], np.ndarray],
    field: np.ndarray | None = None,
) -> np.ndarray:
    """`base` with `values` of each strip of rows, plus a field, where the mask is set; uint8."""
    result = base.copy()
    for rows in _strips(len(base)):
        here = mask[rows] > 0
        if not here.any():
            continue
        strip = values(rows)
        if field is not None:
            strip = strip + _rows_of(field, size_of(base), rows)
        result[rows][here] = np.rint(np.clip(strip[here], 0, 255)).astype(np.uint8)
    return result


def _strips(height: int) -> Iterator[slice]:
    for top in range(0, height, STRIP_ROWS):
        yield slice(top, min(top + STRIP_ROWS, height))


def _rows_of(field: np.ndarray, size: tuple[int, int], rows: slice) -> np.ndarray:
    """A strip of the field at the size of the crop."""
    fx, fy = field.shape[1] / size[0], field.shape[0] / size[1]
    place = np.array([[fx, 0, 0.5 * fx - 0.5], [0, fy, (rows.start + 0.5) * fy - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    strip = (size[0], rows.stop - rows.start)
    return cv2.warpAffine(field, place, strip, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _pulled(total: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Fill what is unknown from ever coarser averages of what is known."""
    height, width = weight.shape[:2]
    if min(height, width) <= 1 or (weight > 0).all():
        mean = total.sum((0, 1)) / max(float(weight.sum()), 1e-6)
        return np.where(weight > 0, total / np.maximum(weight, 1e-6), mean).astype(np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    coarse = _pulled(
        cv2.resize(total, half, interpolation=cv2.INTER_AREA),
        cv2.resize(weight, half, interpolation=cv2.INTER_AREA)[..., None],
    )
    guess = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    sure = np.minimum(weight, 1)
    return np.where(weight > 0, total / np.maximum(weight, 1e-6) * sure + guess * (1 - sure), guess)
