"""Made-up pictures for a random model."""

import cv2
import numpy as np


def picture(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
    """Soft random colours."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def unhurried() -> None:
    """A checkpoint that lets every run go on."""
