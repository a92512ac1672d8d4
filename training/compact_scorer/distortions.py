"""Which distortions of a whole frame have people rated, and how are they made again on other photographs?

TID2013 (Ponomarenko et al. 2015): 25 pictures, 24 distortions, five levels each that lie at about the same
peak signal-to-noise ratios; its labels are read from beside the checkout, its pictures are not needed.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from training.flaws.photos import DATA
from training.flaws.scene import Random

OPINIONS = DATA / "feedback" / "tid2013_mos.csv"
LEVELS = (33.0, 30.0, 27.0, 24.0, 21.0)
"""Decibels of the five levels."""
BEST = 7.2  # mean opinion of pictures that nothing was done to: just above that of the faintest distortions
HALVINGS = 12  # of the search for the amount that gives a level

Amount = Callable[[np.ndarray, float, int], np.ndarray]
"""(picture (H, W, 3) uint8, amount in 0..1, seed) -> distorted picture; the more, the further away."""


def opinions(path: Path = OPINIONS) -> dict[tuple[str, int], float]:
    """Quality on 0..100 that people gave a distortion at a level 0..4, mean over 25 pictures."""
    given: dict[tuple[str, int], list[float]] = defaultdict(list)
    with path.open(newline="") as table:
        for row in csv.DictReader(table):
            if name := _NUMBERS.get(int(row["distortion"])):
                given[name, int(row["level"]) - 1].append(float(row["mos_1_10"]))
    return {key: min(100.0, 100 * float(np.mean(values)) / BEST) for key, values in given.items()}


def distorted(picture: np.ndarray, name: str, level: int, rng: Random) -> np.ndarray:
    """A picture, (H, W, 3) uint8, with a distortion at a level 0..4, found by halving."""
    make, seed = DISTORTIONS[name], int(rng.integers(2**31))
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        nearer = cv2.PSNR(make(picture, middle, seed), picture) > LEVELS[level]
        low, high = (middle, high) if nearer else (low, middle)
    return make(picture, high, seed)


def _white_noise(picture: np.ndarray, amount: float, seed: int) -> np.ndarray:
    return _added(picture, _normal(picture.shape, seed), 60 * amount)


def _correlated_noise(picture: np.ndarray, amount: float, seed: int) -> np.ndarray:
    smooth = cv2.GaussianBlur(_normal(picture.shape, seed), (0, 0), 1.5)
    return _added(picture, smooth / smooth.std(), 60 * amount)


def _fine_noise(picture: np.ndarray, amount: float, seed: int) -> np.ndarray:
    noise = _normal(picture.shape, seed)
    fine = noise - cv2.GaussianBlur(noise, (0, 0), 1.0)
    return _added(picture, fine / fine.std(), 60 * amount)


def _impulses(picture: np.ndarray, amount: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hit = rng.random(picture.shape) < 0.25 * amount
    return np.where(hit, rng.choice(np.array([0, 255], np.uint8), picture.shape), picture)


def _few_levels(picture: np.ndarray, amount: float, _seed: int) -> np.ndarray:
    step = 1 + 95 * amount
    return np.clip(np.rint((np.floor(picture / step) + 0.5) * step), 0, 255).astype(np.uint8)


def _blur(picture: np.ndarray, amount: float, _seed: int) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), 0.05 + 0.02 * amount * max(picture.shape[:2]))


def _jpeg(picture: np.ndarray, amount: float, _seed: int) -> np.ndarray:
    coded = io.BytesIO()
    Image.fromarray(picture).save(coded, "JPEG", quality=max(1, round(100 * (1 - amount) ** 2)))
    return np.asarray(Image.open(coded).convert("RGB"))


DISTORTIONS: dict[str, Amount] = {
    "white noise": _white_noise,
    "correlated noise": _correlated_noise,
    "fine noise": _fine_noise,
    "impulses": _impulses,
    "few levels": _few_levels,
    "blur": _blur,
    "JPEG": _jpeg,
}
_NUMBERS: dict[int, str] = dict(zip((1, 3, 5, 6, 7, 8, 10), DISTORTIONS, strict=True))  # in TID2013


def _normal(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def _added(picture: np.ndarray, noise: np.ndarray, strength: float) -> np.ndarray:
    return np.clip(np.rint(picture + strength * noise), 0, 255).astype(np.uint8)
