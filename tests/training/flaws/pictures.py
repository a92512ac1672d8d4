"""A folder of made-up photographs that the flaw generator can work on."""

from pathlib import Path

import cv2
import numpy as np


def photographs(folder: Path, count: int = 4) -> Path:
    """Textured ground with a few coloured things; JPEG files of two shapes."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rng = np.random.default_rng(number)
        height, width = (240, 336) if number % 2 else (336, 240)
        ground = rng.integers(60, 200, (12, 16, 3)).astype(np.uint8)
        picture = cv2.resize(ground, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        picture += rng.normal(0, 14, picture.shape).astype(np.int16)
        picture = np.clip(picture, 0, 255).astype(np.uint8)
        for _ in range(5):
            center = tuple(int(v) for v in (rng.integers(40, width - 40), rng.integers(40, height - 40)))
            axes = tuple(int(v) for v in rng.integers(18, 48, 2))
            color = tuple(int(v) for v in rng.integers(0, 256, 3))
            cv2.ellipse(picture, center, axes, float(rng.uniform(0, 180)), 0, 360, color, -1)
        cv2.imwrite(str(folder / f"{number}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return folder
