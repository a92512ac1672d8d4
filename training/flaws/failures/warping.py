"""Where do the pixels of a picture go when it is bent, or mapped as a whole?"""

import cv2
import numpy as np

from training.flaws.failures.shapes import waves
from training.flaws.scene import Random


def wobbled(
    picture: np.ndarray, amount_px: float, period_px: float, rng: Random
) -> tuple[np.ndarray, np.ndarray]:
    """The picture bent by smooth random displacements, and (H, W) how far each pixel moved."""
    size = (picture.shape[0], picture.shape[1])
    dx, dy = waves(size, period_px, rng) * amount_px, waves(size, period_px, rng) * amount_px
    return displaced(picture, dx, dy), np.hypot(dx, dy)


def displaced(picture: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """The picture where each pixel comes from (dx, dy) beside it."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    from_x, from_y = (columns + dx).astype(np.float32), (rows + dy).astype(np.float32)
    return cv2.remap(picture, from_x, from_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def carried(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The picture moved, turned or scaled by a (2, 3) matrix; its mirror image fills the gaps."""
    size = (picture.shape[1], picture.shape[0])
    return cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
