"""Pictures with a known truth: a still life whose ball is to become red, photographs, and damage."""

import cv2
import numpy as np
from skimage import data

RECOLOR = "Make the ball red"
WARMER = "Make the photo warmer"
HEIGHT, WIDTH = 240, 320
AWAY = ((225, 20, 300, 90), (200, 150, 300, 225), (10, 10, 55, 60))
"""Boxes x0, y0, x1, y1 that do not touch the ball."""
DAMAGES = ("blur", "noise", "block", "cast", "hole", "flip")
Box = tuple[int, int, int, int]


def still_life() -> np.ndarray:
    """(H, W, 3): a grainy wall and table with pale shapes and a blue ball."""
    rng = np.random.default_rng(7)
    canvas = np.full((HEIGHT, WIDTH, 3), (152, 146, 132), np.uint8)
    canvas[160:] = (118, 96, 72)
    for _ in range(70):
        centre = tuple(int(value) for value in rng.integers(0, (WIDTH, HEIGHT)))
        shade = tuple(int(value) for value in rng.integers(70, 190) + rng.integers(-18, 18, 3))
        cv2.circle(canvas, centre, int(rng.integers(4, 20)), shade, -1, cv2.LINE_AA)
    canvas[ball()] = (45, 70, 190)
    grain = cv2.GaussianBlur(rng.normal(0, 14, (HEIGHT, WIDTH)), (0, 0), 0.7)[..., None]
    return np.clip(canvas + grain, 0, 255).astype(np.uint8)


def ball(share: float = 1.0) -> np.ndarray:
    """(H, W) bool: the ball, or its upper part."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    x, y, radius = 115, 130, 42
    return (np.hypot(columns - x, rows - y) < radius) & (rows < y - radius + 2 * radius * share)


def reddened(share: float = 1.0) -> np.ndarray:
    """The still life with the ball, or its upper part, in red."""
    picture = still_life()
    level = picture.mean(axis=2, keepdims=True)
    red = np.concatenate([level + 70, 0.45 * level, 0.4 * level], axis=2)
    return np.clip(np.where(ball(share)[..., None], red, picture), 0, 255).astype(np.uint8)


def photograph(name: str) -> np.ndarray:
    """`astronaut`, `chelsea` (a cat) or `coffee`."""
    return getattr(data, name)()


def half(picture: np.ndarray) -> np.ndarray:
    """The picture at half its size."""
    size = picture.shape[1] // 2, picture.shape[0] // 2
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def warmed(picture: np.ndarray) -> np.ndarray:
    """The whole picture in warmer light."""
    return np.clip(picture * np.array([1.12, 1.02, 0.82]), 0, 255).astype(np.uint8)


def damaged(picture: np.ndarray, kind: str, box: Box) -> np.ndarray:
    """The picture with a flaw in the box."""
    x0, y0, x1, y1 = box
    edited = picture.copy()
    place = edited[y0:y1, x0:x1]
    match kind:
        case "blur":
            place[:] = cv2.GaussianBlur(picture, (0, 0), 3.0)[y0:y1, x0:x1]
        case "noise":
            grain = np.random.default_rng(0).normal(0, 30, place.shape)
            place[:] = np.clip(place + grain, 0, 255)
        case "block":
            place[:] = 255 - picture[::-1][y0:y1, x0:x1]
        case "cast":
            place[:] = np.clip(place + np.array([45.0, -12.0, -45.0]), 0, 255)
        case "hole":
            place[:] = 0
        case _:
            place[:] = place[:, ::-1].copy()
    return edited


def jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture after a JPEG encoder."""
    encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.ascontiguousarray(decoded[..., ::-1])
