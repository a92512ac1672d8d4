"""What can be measured of a region? Colour, light, detail, structure and border, against the source."""

from dataclasses import dataclass

import cv2
import numpy as np

from services.reasoning.backends.crops import Crop

ENCODER_NOISE = 1.5  # gray levels of fine detail that encoders make or take away
STRUCTURE_FLOOR = 6.0  # gray levels of contrast below which there is no structure to compare


@dataclass(frozen=True)
class Facts:
    """Measured numbers of one region; "source" is the registered source in the tone of the edit."""

    lightness_shift: float
    """Mean of CIELAB L, edited minus source."""
    color_shift: float
    """Distance of the mean CIELAB a, b."""
    color_difference: float
    """Mean CIELAB distance per pixel."""
    border_sharpness: float
    """How abruptly the colour difference ends at the region's border: 0 fades out, 1 stops there."""
    sharpness_ratio: float
    """Fine detail edited over source."""
    structure_similarity: float
    """1 = the same structure, 0 = unrelated."""
    coarse_similarity: float
    """The same after both were blurred: survives blur and noise."""
    edge_ratio: float
    """Edge pixels edited over source."""
    new_border_edge: float
    """Gray levels by which the edit steps more across the region's border than the source does."""
    intended_overlap: float
    """Share of the region that is the requested change."""
    source_color: tuple[float, float, float]
    """Mean CIELAB."""
    edited_color: tuple[float, float, float]


def measure(crop: Crop) -> Facts:
    """Every fact of one region."""
    inside = crop.inside
    lab = [_lab(picture) for picture in (crop.source, crop.edited)]
    gray = [
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) for picture in (crop.source, crop.edited)
    ]
    means = [values[inside].mean(axis=0) for values in lab]
    apart = np.linalg.norm(cv2.GaussianBlur(lab[1] - lab[0], (0, 0), 1.5), axis=2)
    return Facts(
        lightness_shift=float(means[1][0] - means[0][0]),
        color_shift=float(np.hypot(*(means[1] - means[0])[1:])),
        color_difference=float(apart[inside].mean()),
        border_sharpness=_border_sharpness(apart, inside, crop.ring),
        sharpness_ratio=_sharpness_ratio(gray[0], gray[1], inside),
        structure_similarity=_similarity(gray[0], gray[1], inside, 0.8),
        coarse_similarity=_similarity(gray[0], gray[1], inside, 3.0),
        edge_ratio=_edge_ratio(gray[0], gray[1], inside),
        new_border_edge=_new_border_edge(gray[0], gray[1], inside),
        intended_overlap=float(crop.intended[inside].mean()),
        source_color=_triple(means[0]),
        edited_color=_triple(means[1]),
    )


def _lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def _border_sharpness(apart: np.ndarray, inside: np.ndarray, ring: np.ndarray) -> float:
    """Drop of the difference from a band inside the border to one outside, over the mean inside."""
    typical = float(apart[inside].mean())
    depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 3)
    rim = inside & (depth <= 4)
    if typical < 1e-3 or not rim.any() or not ring.any():
        return 0.0
    near = ring & (cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 3) <= 6)
    beyond = float(apart[near].mean()) if near.any() else float(apart[ring].mean())
    return float(np.clip((float(apart[rim].mean()) - beyond) / typical, 0, 1))


def _sharpness_ratio(source: np.ndarray, edited: np.ndarray, inside: np.ndarray) -> float:
    floor = ENCODER_NOISE**2
    energies = []
    for gray in (source, edited):
        fine = gray - cv2.GaussianBlur(gray, (0, 0), 1.2)
        energies.append(float(np.mean(fine[inside] ** 2)) + floor)
    return float(np.sqrt(energies[1] / energies[0]))


def _similarity(source: np.ndarray, edited: np.ndarray, inside: np.ndarray, sigma: float) -> float:
    """Structure-and-contrast term of SSIM over windows of 4 sigma, averaged over the region."""
    first, second = (cv2.GaussianBlur(gray, (0, 0), sigma) for gray in (source, edited))

    def smooth(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (0, 0), 4 * sigma)

    means = smooth(first), smooth(second)
    together = smooth(first * second) - means[0] * means[1]
    spread = smooth(first**2) - means[0] ** 2 + smooth(second**2) - means[1] ** 2
    floor = 2 * STRUCTURE_FLOOR**2
    return float(np.clip(np.mean(((2 * together + floor) / (spread + floor))[inside]), 0, 1))


def _edge_ratio(source: np.ndarray, edited: np.ndarray, inside: np.ndarray) -> float:
    counts = []
    for gray in (source, edited):
        smooth = cv2.GaussianBlur(gray, (0, 0), 1.0).astype(np.uint8)
        counts.append(np.count_nonzero(cv2.Canny(smooth, 40, 100)[inside]))
    floor = 4 + 0.005 * np.count_nonzero(inside)  # a few edge pixels mean nothing
    return float((counts[1] + floor) / (counts[0] + floor))


def _new_border_edge(source: np.ndarray, edited: np.ndarray, inside: np.ndarray) -> float:
    """Upper quartile over the border of (gradient of the edit - gradient of the source around it)."""
    mask = inside.astype(np.uint8)
    border = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((7, 7), np.uint8)) > 0
    if not border.any():
        return 0.0  # the region is the whole picture
    gradients = []
    for gray in (source, edited):
        dx, dy = cv2.Sobel(gray, cv2.CV_32F, 1, 0, scale=0.25), cv2.Sobel(gray, cv2.CV_32F, 0, 1, scale=0.25)
        gradients.append(cv2.dilate(np.hypot(dx, dy), np.ones((3, 3), np.uint8)))
    return float(np.clip(np.percentile((gradients[1] - gradients[0])[border], 75), 0, 255))
