"""What do the five local flaws look like? Each painter returns the flawed picture and where it is flawed."""

from typing import Literal

import cv2
import numpy as np

Flaw = Literal["blurred_patch", "foreign_block", "recolored_bystander", "erased_bystander", "color_cast"]
FLAWS: tuple[Flaw, ...] = (
    "blurred_patch",
    "foreign_block",
    "recolored_bystander",
    "erased_bystander",
    "color_cast",
)
HUES = {"red": 35, "orange": 62, "yellow": 98, "green": 142, "blue": 282, "purple": 318, "pink": 350}
"""CIELAB hue angles in degrees of the colours that instructions name."""

Planted = tuple[np.ndarray, np.ndarray]
"""The flawed picture, (H, W, 3) uint8, and the flawed pixels, (H, W) bool."""

MIN_VISIBLE = 7.0  # mean absolute difference inside the flaw, of 255: below it nobody sees the flaw


def blurred_patch(picture: np.ndarray, allowed: np.ndarray, rng: np.random.Generator) -> Planted | None:
    """An ellipse that has lost its fine detail."""
    sigma = max(picture.shape[:2]) * rng.uniform(0.008, 0.016)
    blurred = cv2.GaussianBlur(picture, (0, 0), sigma)
    return _place(picture, blurred, allowed, rng, softness=0.15, visible=0.6 * MIN_VISIBLE)


def color_cast(picture: np.ndarray, allowed: np.ndarray, rng: np.random.Generator) -> Planted | None:
    """An ellipse with a soft edge in which the light has another colour."""
    angle = rng.uniform(0, 2 * np.pi)
    lab = _to_lab(picture)
    lab[..., 1:] += rng.uniform(20, 32) * np.array([np.cos(angle), np.sin(angle)], np.float32)
    return _place(picture, _from_lab(lab), allowed, rng, softness=0.5, visible=MIN_VISIBLE)


def foreign_block(
    picture: np.ndarray, allowed: np.ndarray, rng: np.random.Generator, other: np.ndarray
) -> Planted | None:
    """A rectangle of another picture, or of another place of this one."""
    height, width = picture.shape[:2]
    for _ in range(40):
        h, w = (rng.uniform(0.12, 0.24, 2) * min(height, width)).astype(int)
        y, x = rng.integers(0, height - h), rng.integers(0, width - w)
        mask = np.zeros((height, width), bool)
        mask[y : y + h, x : x + w] = True
        sy, sx = rng.integers(0, max(1, other.shape[0] - h)), rng.integers(0, max(1, other.shape[1] - w))
        block = other[sy : sy + h, sx : sx + w]
        flawed = picture.copy()
        flawed[y : y + h, x : x + w] = cv2.resize(block, (int(w), int(h)))
        if _fits(picture, flawed, mask, allowed, 3 * MIN_VISIBLE):
            return flawed, mask
    return None


def recolored_bystander(
    picture: np.ndarray, segments: list[np.ndarray], rng: np.random.Generator, asked: str = ""
) -> Planted | None:
    """A segment that nobody asked about takes another colour, and not one that was asked for."""
    for mask in _shuffled(segments, rng):
        color = far_color(picture, mask, rng, unlike=asked)
        if color and 0.004 <= mask.mean() <= 0.15:
            flawed = recolored(picture, mask, color)
            if _fits(picture, flawed, mask, mask, 2 * MIN_VISIBLE):
                return flawed, mask
    return None


def erased_bystander(
    picture: np.ndarray, segments: list[np.ndarray], rng: np.random.Generator
) -> Planted | None:
    """A segment that nobody asked about is gone, filled in from its surroundings."""
    reach = max(3, round(max(picture.shape[:2]) * 0.008)) | 1
    for mask in _shuffled(segments, rng):
        if 0.003 <= mask.mean() <= 0.05:
            hole = cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8))
            flawed = cv2.inpaint(picture, hole, 5, cv2.INPAINT_TELEA)
            if _fits(picture, flawed, mask, mask, 2 * MIN_VISIBLE):
                return flawed, hole > 0
    return None


def far_color(
    picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator, unlike: str = ""
) -> str | None:
    """A named colour clearly unlike that of the segment and unlike every colour in the text `unlike`.

    None where light or dark hides any colour, or no colour is left.
    """
    light, a, b = _to_lab(picture)[mask].mean(axis=0)
    if not 25 <= light <= 85:
        return None
    hue, chroma = np.degrees(np.arctan2(b, a)), np.hypot(a, b)
    named = [h for c, h in HUES.items() if c in unlike]
    far = [
        c
        for c, h in HUES.items()
        if (chroma < 10 or _hue_gap(hue, h) > 75) and all(_hue_gap(n, h) > 50 for n in named)
    ]
    return str(rng.choice(far)) if far else None


def _hue_gap(first: float, second: float) -> float:
    return abs((first - second + 180) % 360 - 180)


def recolored(picture: np.ndarray, mask: np.ndarray, color: str) -> np.ndarray:
    """The segment in another colour, its light and shade kept."""
    lab = _to_lab(picture)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    angle = np.radians(HUES[color])
    colored = np.maximum(chroma, 45.0)
    lab[..., 1], lab[..., 2] = colored * np.cos(angle), colored * np.sin(angle)
    weight = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)[..., None]
    return _blend(picture, _from_lab(lab), weight)


def _place(
    picture: np.ndarray,
    changed: np.ndarray,
    allowed: np.ndarray,
    rng: np.random.Generator,
    softness: float,
    visible: float,
) -> Planted | None:
    """Blend `changed` in through an ellipse at a place where it can be seen."""
    height, width = picture.shape[:2]
    yy, xx = np.mgrid[:height, :width].astype(np.float32)
    for _ in range(40):
        ry, rx = rng.uniform(0.08, 0.17, 2) * min(height, width)
        cy, cx = rng.uniform(ry, height - ry), rng.uniform(rx, width - rx)
        radius = np.hypot((yy - cy) / ry, (xx - cx) / rx)
        weight = np.clip((1 + softness / 2 - radius) / softness, 0, 1).astype(np.float32)
        flawed = _blend(picture, changed, weight[..., None])
        mask = weight > 0.3
        if _fits(picture, flawed, mask, allowed, visible):
            return flawed, mask
    return None


def _fits(
    picture: np.ndarray, flawed: np.ndarray, mask: np.ndarray, allowed: np.ndarray, visible: float
) -> bool:
    """Whether the flaw lies where it may and can be seen."""
    difference = np.abs(picture[mask].astype(np.int16) - flawed[mask])
    return bool(allowed[mask].mean() > 0.97 and difference.mean() >= visible)


def _shuffled(segments: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    return [segments[i] for i in rng.permutation(len(segments))]


def _to_lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _from_lab(lab: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1) * 255).astype(np.uint8)


def _blend(picture: np.ndarray, changed: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.rint(picture * (1 - weight) + changed * weight).astype(np.uint8)
