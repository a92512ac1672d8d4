"""Made-up edits for a random model."""

import cv2
import numpy as np

from services.perception.agent import Sample


def picture(height: int, width: int, seed: int) -> np.ndarray:
    """Soft random colours."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def pair(
    source: tuple[int, int] = (96, 128),
    edited: tuple[int, int] = (96, 128),
    *,
    instruction: str = "Make the cup blue",
    seeds: tuple[int, int] = (1, 2),
) -> Sample:
    """Two pictures of these sizes (height, width)."""
    return Sample(picture(*source, seeds[0]), picture(*edited, seeds[1]), instruction)


def unhurried() -> None:
    """A checkpoint that lets every run go on."""
