"""Pictures with a known truth: a still life, photographs, and what an editor may do to them."""

import cv2
import numpy as np
from skimage import data

RECOLOR = "Make the ball red"
HEIGHT, WIDTH = 300, 400
Box = tuple[int, int, int, int]


def still_life() -> np.ndarray:
    """A grainy wall and table with pale shapes, a large blue ball and a smaller green one."""
    rng = np.random.default_rng(3)
    canvas = np.full((HEIGHT, WIDTH, 3), (150, 145, 130), np.uint8)
    canvas[195:] = (120, 95, 70)
    for _ in range(60):
        centre = tuple(int(value) for value in rng.integers((0, 0), (WIDTH, HEIGHT)))
        shade = tuple(int(value) for value in rng.integers(70, 190) + rng.integers(-18, 18, 3))
        cv2.circle(canvas, centre, int(rng.integers(5, 26)), shade, -1, cv2.LINE_AA)
    canvas[ball()] = (45, 70, 190)
    canvas[bystander()] = (60, 140, 70)
    grain = cv2.GaussianBlur(rng.normal(0, 14, (HEIGHT, WIDTH)), (0, 0), 0.7)[..., None]
    return np.clip(canvas + grain, 0, 255).astype(np.uint8)


def ball() -> np.ndarray:
    """(H, W) bool: the blue ball, which the instruction speaks of."""
    return _disk(x=120, y=165, radius=48)


def bystander() -> np.ndarray:
    """(H, W) bool: the green ball, which nobody speaks of."""
    return _disk(x=312, y=210, radius=27)


def reddened(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The marked pixels in red, their texture kept."""
    level = picture.mean(axis=2, keepdims=True)
    red = np.concatenate([level + 70, 0.45 * level, 0.4 * level], axis=2)
    return np.clip(np.where(mask[..., None], red, picture), 0, 255).astype(np.uint8)


def edited_well() -> np.ndarray:
    """The still life after the edit that was asked for, without a flaw."""
    return reddened(still_life(), ball())


def photograph(name: str) -> np.ndarray:
    """`astronaut`, `chelsea` (a cat) or `coffee`."""
    return getattr(data, name)()


def marked(picture: np.ndarray, box: Box) -> np.ndarray:
    """(H, W) bool: the box x0, y0, x1, y1."""
    mask = np.zeros(picture.shape[:2], bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


def with_blur(picture: np.ndarray, box: Box) -> np.ndarray:
    """Fine detail is gone in the box."""
    return np.where(marked(picture, box)[..., None], cv2.GaussianBlur(picture, (0, 0), 3.0), picture)


def with_grain(picture: np.ndarray, box: Box) -> np.ndarray:
    """Noise lies over the box."""
    grain = np.random.default_rng(0).normal(0, 35, picture.shape) * marked(picture, box)[..., None]
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def with_block(picture: np.ndarray, box: Box) -> np.ndarray:
    """Something else stands in the box."""
    return np.where(marked(picture, box)[..., None], 255 - picture[::-1], picture)


def with_cast(picture: np.ndarray, box: Box) -> np.ndarray:
    """A warm light with soft borders falls on the ellipse in the box."""
    weight = np.zeros(picture.shape[:2], np.float32)
    centre, axes = (box[0] + box[2], box[1] + box[3]), (box[2] - box[0], box[3] - box[1])
    cv2.ellipse(weight, _halved(centre), _halved(axes), 0, 0, 360, (1.0,), -1)
    weight = cv2.GaussianBlur(weight, (0, 0), 6.0)[..., None]
    return np.clip(picture + weight * np.array([50.0, -10.0, -50.0]), 0, 255).astype(np.uint8)


def with_other_bystander(picture: np.ndarray) -> np.ndarray:
    """The green ball takes another colour; its texture stays."""
    edited = picture.copy()
    edited[bystander()] = edited[bystander()][:, [2, 0, 1]]
    return edited


def _halved(pair: tuple[int, int]) -> tuple[int, int]:
    return pair[0] // 2, pair[1] // 2


def _disk(x: int, y: int, radius: int) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.hypot(columns - x, rows - y) < radius
