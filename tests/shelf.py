"""What keeps an agent's pictures in a test? A shelf in memory; a name is the place on it."""

import numpy as np

from editrefiner.contracts import ImageRef


class Shelf:
    """Hands out the very arrays that it keeps."""

    def __init__(self) -> None:
        self._kept: list[np.ndarray] = []

    def put(self, pixels: np.ndarray) -> ImageRef:
        self._kept.append(pixels)
        return ImageRef(sha256=f"{len(self._kept) - 1:064x}", width=pixels.shape[1], height=pixels.shape[0])

    def pixels(self, ref: ImageRef | str) -> np.ndarray:
        return self._kept[int(ref.sha256 if isinstance(ref, ImageRef) else ref, 16)]

    gray = pixels
