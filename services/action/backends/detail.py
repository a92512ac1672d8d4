"""How much fine detail and noise does a crop have? Measures that the operators match to each other."""

import cv2
import numpy as np

from services.action.geometry import window

TILE_PX = 768  # a tile of this side tells as much about detail as a whole crop
MIN_PIXELS = 64


def luma(pixels: np.ndarray) -> np.ndarray:
    """(h, w) float32 on 0..255 of RGB pixels, uint8 or float."""
    return cv2.cvtColor(np.clip(pixels, 0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY).astype(np.float32)


def sharpness(gray: np.ndarray, where: np.ndarray) -> float:
    """Mean absolute Laplacian of the slightly smoothed picture: fine detail, less its noise."""
    smooth = cv2.GaussianBlur(gray, (0, 0), 0.8)
    return float(np.abs(cv2.Laplacian(smooth, cv2.CV_32F))[where].mean()) if where.any() else 0.0


def noise_sigma(gray: np.ndarray, where: np.ndarray) -> float:
    """Standard deviation of the noise in gray levels (Immerkaer's kernel, median for robustness)."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(gray, cv2.CV_32F, kernel))[where]
    return float(np.median(response)) / (0.6745 * 6) if response.size >= MIN_PIXELS else 0.0


def densest_tile(where: np.ndarray) -> tuple[int, int, int, int]:
    """The box of at most `TILE_PX` a side that holds the most set pixels, on a grid of half tiles."""
    height, width = where.shape
    tops = range(0, max(1, height - TILE_PX // 2), TILE_PX // 2)
    lefts = range(0, max(1, width - TILE_PX // 2), TILE_PX // 2)
    boxes = [(x, y, min(x + TILE_PX, width), min(y + TILE_PX, height)) for y in tops for x in lefts]
    return max(boxes, key=lambda box: int(np.count_nonzero(window(where, box))))
