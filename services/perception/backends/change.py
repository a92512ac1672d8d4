"""What changed, how, and how surely? Measures of colour, structure and sharpness against the noise floor."""

from dataclasses import dataclass

import cv2
import numpy as np

COLOR_FLOOR, COLOR_SOFTNESS = 6.5, 1.3  # CIELAB chroma shift at which a change is as likely as not
LIGHT_FLOOR, LIGHT_SOFTNESS = 8.0, 1.6  # CIELAB lightness
STRUCTURE_FLOOR, STRUCTURE_SOFTNESS = 0.42, 0.06  # 1 - structural similarity
SHARPNESS_FLOOR, SHARPNESS_SOFTNESS = 1.3, 0.25  # log2 of the ratio of fine detail
FLOOR_DEVIATIONS = 4.0  # a floor lies this many robust deviations above what the whole frame shows
DETAIL_NOISE = 1.5  # gray levels of fine detail that an encoder makes or takes away


@dataclass(frozen=True)
class Change:
    """Evidence per pixel, each (H, W) float32; what has no counterpart in the source is 0 everywhere."""

    chroma: np.ndarray
    """(H, W, 2) shift of CIELAB a and b, smoothed."""
    light: np.ndarray
    """Shift of CIELAB lightness, smoothed."""
    structure: np.ndarray
    """1 - structural similarity: 0 the same, 1 unrelated, above 1 inverted."""
    detail: np.ndarray
    """log2 of edited over source fine detail, relative to the frame: below 0 blurred, above 0 noisy."""
    detail_floor: float
    """Size of `detail` at which a loss is as likely as not beyond what the whole frame shows."""
    has_detail: np.ndarray
    """0..1: whether there is detail that could have been lost."""
    recolored: np.ndarray
    """Probability that colour or light changed beyond the noise floor."""
    restructured: np.ndarray
    """Probability that structure changed beyond the noise floor."""
    blurred: np.ndarray
    """Probability that fine detail was lost while the coarse content stayed."""
    noisy: np.ndarray
    """Probability that fine detail was added while the coarse content stayed."""
    changed: np.ndarray
    """Probability that anything of the above changed."""
    unlike: np.ndarray
    """(H, W) bool: beyond the stated floors, however restless the frame is as a whole."""


def measure(edited: np.ndarray, predicted: np.ndarray, seen: np.ndarray) -> Change:
    """Compare two RGB pictures, (H, W, 3) float32 on 0..255; `predicted` is the source as expected here."""
    sigma = 1.5 * _unit(edited)
    lab_edited, lab_predicted = _lab(edited), _lab(predicted)
    shift = cv2.GaussianBlur(_beyond_neighbours(lab_edited, lab_predicted), (0, 0), sigma)
    gray_edited, gray_predicted = (2.55 * lab[..., 0] for lab in (lab_edited, lab_predicted))
    structure = _structure_lost(gray_edited, gray_predicted)
    detail, has_detail = _detail_ratio(gray_edited, gray_predicted, seen)
    chroma = np.hypot(shift[..., 1], shift[..., 2])
    recolored = _either(
        _probability(chroma, COLOR_FLOOR, COLOR_SOFTNESS, seen),
        _probability(np.abs(shift[..., 0]), LIGHT_FLOOR, LIGHT_SOFTNESS, seen),
    )
    restructured = _probability(structure, STRUCTURE_FLOOR, STRUCTURE_SOFTNESS, seen)
    coarse = _coarse_kept(gray_edited, gray_predicted)
    detail_floor = _floor(np.abs(detail), SHARPNESS_FLOOR, seen)
    telling = has_detail * coarse
    blurred = logistic((-detail - detail_floor) / SHARPNESS_SOFTNESS) * telling
    noisy = logistic((detail - detail_floor) / SHARPNESS_SOFTNESS) * telling
    changed = _either(_either(recolored, restructured), _either(blurred, noisy))
    return Change(
        chroma=shift[..., 1:],
        light=shift[..., 0],
        structure=structure,
        detail=detail,
        detail_floor=detail_floor,
        has_detail=has_detail,
        recolored=recolored * seen,
        restructured=restructured * seen,
        blurred=blurred * seen,
        noisy=noisy * seen,
        changed=changed * seen,
        unlike=(chroma > COLOR_FLOOR) | (np.abs(shift[..., 0]) > LIGHT_FLOOR) | (structure > STRUCTURE_FLOOR),
    )


def fine_detail(gray: np.ndarray) -> np.ndarray:
    """(H, W): local power of what is left of a gray picture when a slight blur is taken away."""
    unit = _unit(gray)
    fine = gray - cv2.GaussianBlur(gray, (0, 0), 1.2 * unit)
    return cv2.GaussianBlur(fine * fine, (0, 0), 3.5 * unit)


def _unit(picture: np.ndarray) -> float:
    """Smoothing lengths are given for 512 pixels and grow with the picture."""
    return max(0.6, max(picture.shape[:2]) / 512)


def _lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.clip(picture, 0, 255).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _beyond_neighbours(edited: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Signed difference to the nearest value among the 3x3 neighbours: blind to a shift of under a pixel."""
    square = np.ones((3, 3), np.uint8)
    above = edited - cv2.dilate(predicted, square)
    below = edited - cv2.erode(predicted, square)
    return np.maximum(above, 0) + np.minimum(below, 0)


def _structure_lost(edited: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """1 - the structure and contrast term of SSIM, on slightly smoothed lightness."""
    unit = _unit(edited)
    first, second = (cv2.GaussianBlur(g, (0, 0), 0.8 * unit) for g in (edited, predicted))
    sigma = 3.0 * unit

    def smooth(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (0, 0), sigma)

    mean_first, mean_second = smooth(first), smooth(second)
    variance_first = np.maximum(smooth(first * first) - mean_first**2, 0)
    variance_second = np.maximum(smooth(second * second) - mean_second**2, 0)
    together = smooth(first * second) - mean_first * mean_second
    floor = 2 * 5.0**2  # contrast below 5 gray levels is not structure
    return 1 - (2 * together + floor) / (variance_first + variance_second + floor)


def _detail_ratio(
    edited: np.ndarray, predicted: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """log2 ratio of fine detail relative to the frame's own, and where there is detail to speak of (0..1)."""
    energies = [fine_detail(gray) for gray in (edited, predicted)]
    ratio = 0.5 * np.log2((energies[0] + DETAIL_NOISE**2) / (energies[1] + DETAIL_NOISE**2))
    strongest = np.maximum(energies[0], energies[1])
    has_detail = np.clip((np.sqrt(strongest) - 1.5 * DETAIL_NOISE) / DETAIL_NOISE, 0, 1)
    telling = seen & (has_detail > 0.5)
    typical = float(np.median(ratio[telling])) if telling.sum() > 100 else 0.0
    return ratio - typical, has_detail


def _coarse_kept(edited: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """1 where the pictures agree once both are blurred, down to 0 where the content is another."""
    sigma = 5.0 * _unit(edited)
    difference = np.abs(cv2.GaussianBlur(edited - predicted, (0, 0), sigma))
    return np.clip(1.5 - difference / 16, 0, 1)


def _probability(values: np.ndarray, floor: float, softness: float, seen: np.ndarray) -> np.ndarray:
    """Chance that a value is beyond the noise floor."""
    return logistic((values - _floor(values, floor, seen)) / softness)


def _floor(values: np.ndarray, least: float, seen: np.ndarray) -> float:
    """The stated floor, or the frame's own spread where that is larger: most of the frame is unchanged."""
    step = max(1, int(np.sqrt(values.size / 50_000)))
    sample = values[::step, ::step][seen[::step, ::step]]
    if not sample.size:
        return least
    middle = float(np.median(sample))
    spread = 1.4826 * float(np.median(np.abs(sample - middle)))
    return max(least, middle + FLOOR_DEVIATIONS * spread)


def logistic(values: np.ndarray | np.float32) -> np.ndarray:
    """0.5 at 0, towards 1 above and 0 below."""
    return (1 / (1 + np.exp(np.clip(-values, -30, 30)))).astype(np.float32)


def _either(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return 1 - (1 - first) * (1 - second)
