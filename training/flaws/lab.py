"""How does a picture get into CIELAB, where colours are as far apart as they look, and back?"""

import cv2
import numpy as np


def to_lab(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) float32 CIELAB of uint8 RGB, L in 0..100."""
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(H, W) float32: how far apart two pictures look, each slightly smoothed."""
    labs = [to_lab(cv2.GaussianBlur(picture, (0, 0), 0.7)) for picture in (first, second)]
    return np.linalg.norm(labs[0] - labs[1], axis=2)


def from_lab(lab: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB of float32 CIELAB; colours outside of the gamut are clipped."""
    return to_bytes(cv2.cvtColor(np.ascontiguousarray(lab, np.float32), cv2.COLOR_LAB2RGB))


def to_bytes(unit: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 of values in 0..1."""
    return np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)
