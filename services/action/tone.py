"""How do the colours of one picture turn into those of another? A robust, smooth relation."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

CURVE_STEP = 16  # gray levels between the knots of a residual curve
ROUNDS = 6  # of reweighting; the weights stand still after four or five
RIDGE = 60.0  # variance, in squared gray levels, below which samples say nothing about a direction of colour
MIN_OUTLIER = 6.0  # gray levels: JPEG noise is never an outlier
CURVE_PRIOR = 40.0  # samples that a knot of a curve must outweigh
INVISIBLE = 1.0  # a relation that moves the median pixel by less than this is the identity
MIN_SAMPLES = 64
MAX_SAMPLES = 20_000  # more of them move nothing


@dataclass(frozen=True)
class Tone:
    """A colour relation: an affine map of RGB followed by one curve per channel."""

    matrix: np.ndarray
    """(3, 4): R, G, B out of R, G, B and 1, on 0..255."""
    curves: np.ndarray
    """(3, knots): what is added to each channel of the affine result, by its value."""

    @classmethod
    def identity(cls) -> Self:
        """Colours stay as they are."""
        return cls.affine((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))

    @classmethod
    def affine(cls, gain: tuple[float, float, float], offset: tuple[float, float, float]) -> Self:
        """Per channel: gain times value plus offset."""
        matrix = np.hstack([np.diag(gain), np.reshape(offset, (3, 1))]).astype(np.float32)
        return cls(matrix, np.zeros((3, 256 // CURVE_STEP + 1), np.float32))

    @property
    def is_identity(self) -> bool:
        """Whether every colour stays exactly as it is."""
        return not self.curves.any() and np.array_equal(self.matrix, np.eye(3, 4, dtype=np.float32))

    def applied(self, pixels: np.ndarray) -> np.ndarray:
        """(..., 3) float32 of uint8 or float32 pixels; may leave 0..255."""
        values = pixels.astype(np.float32)
        if self.is_identity:
            return values
        values = cv2.transform(values.reshape(-1, 1, 3), self.matrix).reshape(pixels.shape)
        if self.curves.any():
            knots = np.arange(self.curves.shape[1]) * CURVE_STEP
            for channel, curve in enumerate(self.curves):
                values[..., channel] += np.interp(values[..., channel], knots, curve)
        return values


def fit(given: np.ndarray, wanted: np.ndarray, prior: Tone) -> Tone:
    """The relation that takes the colours `given` (N, 3) to `wanted` (N, 3), outliers left aside.

    `prior` holds wherever the samples say nothing; with too few of them it is the answer.
    """
    if len(given) < MIN_SAMPLES:
        return prior
    step = -(-len(given) // MAX_SAMPLES)
    given, wanted = given[::step].astype(np.float32), wanted[::step].astype(np.float32)
    usable = (wanted > 1).all(1) & (wanted < 254).all(1)  # what is clipped hides its tone
    if usable.sum() >= max(MIN_SAMPLES, 0.2 * len(given)):
        given, wanted = given[usable], wanted[usable]
    matrix = _affine(given, wanted, prior.applied(given), prior.matrix)
    flat = Tone(matrix, np.zeros_like(prior.curves))
    tone = Tone(matrix, _curves(flat.applied(given), wanted))
    moved = np.abs(tone.applied(given) - given).max(axis=1)
    return Tone.identity() if np.median(moved) < INVISIBLE else tone


def residual(given: np.ndarray, wanted: np.ndarray) -> float:
    """Median over the pixels of the mean absolute channel difference; 0 without pixels."""
    return float(np.median(np.abs(given.astype(np.float32) - wanted).mean(axis=-1))) if len(given) else 0.0


def _affine(given: np.ndarray, wanted: np.ndarray, expected: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Iteratively reweighted ridge regression towards `prior`."""
    weights = _weights(wanted - expected - np.median(wanted - expected, axis=0))
    matrix = prior.astype(np.float64)
    for _ in range(ROUNDS):
        total = weights.sum()
        center, target = weights @ given / total, weights @ wanted / total
        x, y = given - center, wanted - target
        spread = (x * weights[:, None]).T @ x / total + RIDGE * np.eye(3)
        shared = (x * weights[:, None]).T @ y / total + RIDGE * prior[:, :3].T
        linear = np.linalg.solve(spread, shared).T
        matrix = np.hstack([linear, (target - linear @ center)[:, None]])
        weights = _weights(wanted - given @ linear.T - matrix[:, 3])
    return matrix.astype(np.float32)


def _curves(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """What an affine map leaves over, by value: gamma, contrast, soft clipping."""
    knots = 256 // CURVE_STEP + 1
    left = wanted - values
    weights = _weights(left)
    curves = np.zeros((3, knots), np.float32)
    for channel in range(3):
        place = np.clip(np.rint(values[:, channel] / CURVE_STEP).astype(int), 0, knots - 1)
        count = np.bincount(place, weights, knots)
        total = np.bincount(place, weights * left[:, channel], knots)
        curves[channel] = total / (count + CURVE_PRIOR)
    return curves if np.abs(curves).max() >= INVISIBLE else np.zeros_like(curves)


def _weights(left: np.ndarray) -> np.ndarray:
    """Tukey's weights (N,) of residuals (N, 3): 1 near none, 0 for outliers."""
    size = np.abs(left).max(axis=1)
    cut = max(4.0 * float(np.median(size)), MIN_OUTLIER)
    return np.square(np.maximum(0.0, 1.0 - np.square(size / cut))) + 1e-6
