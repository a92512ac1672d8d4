"""Which pictures does a scorer have to get right? Drawn by code from seeds, so that no file is needed."""

from collections.abc import Callable

import cv2
import numpy as np

RED, BLUE = "Make the left disk red", "Make the left disk blue"
SIDE = 256  # px: what is drawn shows at this size, and a start does not wait for it
LEFT, RIGHT, RADIUS = (78, 132), (182, 122), 42
Color = tuple[int, int, int]


def table(seed: int = 1) -> np.ndarray:
    """(H, W, 3): a wall and a table in grain, pale marks on both, and two gray disks on the table."""
    rng = np.random.default_rng(seed)
    canvas = np.full((SIDE, SIDE, 3), (176, 168, 150), np.uint8)
    canvas[150:] = (124, 102, 78)
    for _ in range(60):
        centre = (int(rng.integers(0, SIDE)), int(rng.integers(0, SIDE)))
        shade = rng.integers(80, 200) + rng.integers(-15, 15, 3)
        cv2.circle(canvas, centre, int(rng.integers(3, 14)), tuple(map(int, shade)), -1, cv2.LINE_AA)
    for centre in (LEFT, RIGHT):
        cv2.circle(canvas, centre, RADIUS, (128, 128, 132), -1, cv2.LINE_AA)
        cv2.circle(canvas, (centre[0] - 14, centre[1] - 16), 9, (176, 176, 180), -1, cv2.LINE_AA)
    grain = cv2.GaussianBlur(rng.normal(0, 12, (SIDE, SIDE)), (0, 0), 0.8)[..., None]
    return np.clip(canvas + grain, 0, 255).astype(np.uint8)


def street(seed: int = 2) -> np.ndarray:
    """(H, W, 3): another scene altogether: house fronts with windows under a sky."""
    rng = np.random.default_rng(seed)
    rows = np.linspace(0, 1, SIDE)[:, None, None]
    canvas = (np.array([120, 160, 215]) * (1 - rows) + np.array([200, 210, 225]) * rows).repeat(SIDE, 1)
    for x in range(0, SIDE, 64):
        top = int(rng.integers(30, 120))
        canvas[top:, x : x + 62] = rng.integers(60, 190, 3)
        for y in range(top + 12, SIDE - 24, 32):
            for window in (x + 10, x + 36):
                canvas[y : y + 18, window : window + 14] = (40, 44, 60)
    grain = rng.normal(0, 6, (SIDE, SIDE, 1))
    return np.clip(canvas + grain, 0, 255).astype(np.uint8)


def painted(picture: np.ndarray, centre: tuple[int, int], color: Color) -> np.ndarray:
    """The picture with the disk at `centre` in another colour, its light and grain kept."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.circle(mask, centre, RADIUS, 255, -1, cv2.LINE_AA)
    weight = mask[..., None] / 255.0
    light = picture.mean(axis=2, keepdims=True) / 140.0
    return np.clip(picture * (1 - weight) + np.array(color) * light * weight, 0, 255).astype(np.uint8)


def reddened() -> np.ndarray:
    """The table as it was asked for with RED."""
    return painted(table(), LEFT, (206, 40, 44))


def smeared() -> np.ndarray:
    """The same, with a part of the table smeared that nobody asked to touch."""
    picture = reddened()
    picture[190:250, 120:230] = cv2.GaussianBlur(picture, (0, 0), 5)[190:250, 120:230]
    return picture


def drifted() -> np.ndarray:
    """The same, with the light of the whole picture gone cold."""
    return np.clip(reddened() * np.array([0.86, 0.97, 1.1]), 0, 255).astype(np.uint8)


def swapped() -> np.ndarray:
    """The table with the other disk in red."""
    return painted(table(), RIGHT, (206, 40, 44))


FLAWED_EDITS: dict[str, Callable[[], np.ndarray]] = {
    "smeared": smeared,
    "drifted": drifted,
    "swapped": swapped,
}
"""Edits of `table()` under RED that have something wrong with them; pinned together with `reddened`."""
