"""Where do the pixels of a patch go when it is bent, or mapped as a whole?"""

import cv2
import numpy as np


def warped(pixels: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Every pixel taken from (x + dx, y + dy)."""
    rows, columns = np.indices(dx.shape, dtype=np.float32)
    return cv2.remap(
        pixels,
        columns + dx.astype(np.float32),
        rows + dy.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )


def carried(pixels: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The pixels moved, turned or scaled by a (2, 3) matrix; their mirror image fills the gaps."""
    size = (pixels.shape[1], pixels.shape[0])
    return cv2.warpAffine(pixels, matrix, size, borderMode=cv2.BORDER_REFLECT_101)
