"""How far is a picture from the truth inside a region? PSNR and a structural distance in CIELAB."""

import cv2
import numpy as np
from skimage.metrics import structural_similarity


def psnr(picture: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB over the pixels of `region` ((H, W) bool); 99 when equal."""
    difference = picture[region].astype(np.float64) - truth[region]
    error = float(np.mean(difference**2))
    return 99.0 if error == 0 else float(10 * np.log10(255.0**2 / error))


def structural_distance(picture: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    """Mean of 1 - SSIM over `region` and the channels of CIELAB: 0 = the same to the eye, 1 = unlike.

    SSIM as in Wang et al. 2004 with Gaussian weights; its channels are weighted 2:1:1 towards lightness.
    """
    maps = [
        structural_similarity(one, other, data_range=255, gaussian_weights=True, sigma=1.5, full=True)[1]
        for one, other in zip(_lab(picture), _lab(truth), strict=True)
    ]
    mean = [float(np.mean(values[region])) for values in maps]
    return 1 - float(np.average(mean, weights=[2, 1, 1]))


def _lab(picture: np.ndarray) -> list[np.ndarray]:
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    return [lab[..., channel] for channel in range(3)]
