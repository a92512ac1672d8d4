"""Pictures for the codec, and the files they are saved to."""

import io

import numpy as np
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(3).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def scene(height: int = 48, width: int = 64) -> np.ndarray:
    """Smooth colours without two like corners: lossy codecs keep it, and a wrong turn shows."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [40 + 170 * x / width, 220 - 180 * y / height, 60 + 120 * (x / width) * (y / height)]
    return np.stack(planes, axis=-1).round().astype(np.uint8)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def color_distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(deltaE_ciede2000(rgb2lab(one), rgb2lab(other)).max())


def patches(values: np.ndarray, side: int = 16) -> np.ndarray:
    return values.astype(np.uint8).repeat(side, axis=0).repeat(side, axis=1)
