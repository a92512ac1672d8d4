"""What does an object look like in another colour or light?"""

import cv2
import numpy as np

from training.flaws.lab import from_lab, to_lab
from training.flaws.scene import Random


def turned(picture: np.ndarray, mask: np.ndarray, rng: Random) -> np.ndarray:
    """The picture in which the mask's colours have another hue; a grey object gets a colour."""
    lab = to_lab(picture)
    mean = lab[mask][:, 1:].mean(axis=0)
    angle = np.arctan2(mean[1], mean[0]) + rng.uniform(0.3, 0.85) * np.pi * rng.choice([-1, 1])
    chroma = max(float(np.hypot(*mean)), rng.uniform(25, 45))
    spread = lab[..., 1:] - mean
    lab[..., 1:] = 0.4 * spread + chroma * np.array([np.cos(angle), np.sin(angle)], np.float32)
    return from_lab(lab)


def relit(picture: np.ndarray, light: float) -> np.ndarray:
    """The picture lighter (`light` above 0) or darker, up to one stop and a half at 1."""
    linear = (picture.astype(np.float32) / 255) ** 2.2 * 2.0 ** (1.5 * light)
    return np.clip(np.rint(np.clip(linear, 0, 1) ** (1 / 2.2) * 255), 0, 255).astype(np.uint8)


def retextured(picture: np.ndarray, other: np.ndarray, rng: Random) -> np.ndarray:
    """The picture with its own colours and the fine structure of another photograph."""
    height, width = picture.shape[:2]
    structure = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        structure = structure[:, ::-1]
    gray = cv2.cvtColor(np.ascontiguousarray(structure), cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = gray - cv2.GaussianBlur(gray, (0, 0), 9)
    fine *= rng.uniform(18, 26) / (fine.std() + 1e-3)
    smooth = cv2.GaussianBlur(picture, (0, 0), 4).astype(np.float32)
    return np.clip(smooth + fine[..., None], 0, 255).astype(np.uint8)


def like_painted(picture: np.ndarray) -> np.ndarray:
    """The picture as a painting: flat areas, no fine structure."""
    flat = cv2.bilateralFilter(picture, 9, 60, 5)
    return cv2.medianBlur(flat, 5)
