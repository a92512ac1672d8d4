"""How did light and colour of the whole frame change? The simplest tone model that explains the frame."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

ToneModel = Literal["identity", "linear", "curve", "mixed"]
SAMPLES = 8_000
MIN_GAIN_OF_MODEL = 0.25  # a richer model must take away this share of the median residual ...
MIN_GAIN_LEVELS = 0.6  # ... and this many gray levels: else a local flaw would be explained away
CLIPPED = (2.0, 253.0)  # values outside have lost what the model would need
NOISE_LEVELS = 2.0  # residual scale below which everything is encoder noise
RARE_TONE = 0.01  # share of the frame: rarer tones gain no more weight, they may be a flaw
DRIFT_LIMIT = 14.0  # gray levels: light that falls off more than this is not drift but a change


@dataclass(frozen=True)
class Tone:
    """The source as it would look in the edited frame had only the tone changed."""

    predicted: np.ndarray
    """(H, W, 3) float32 on 0..255."""
    gain: tuple[float, float, float]
    offset: tuple[float, float, float]
    residual: float
    """Median absolute difference between edited and gain * source + offset, 0..255."""
    model: ToneModel
    strength: float
    """Median absolute difference that the model makes, 0..255."""
    unexplained: float
    """Median absolute difference that the chosen model leaves, 0..255."""


def match_tone(edited: np.ndarray, source: np.ndarray, seen: np.ndarray) -> Tone:
    """Explain `edited` by the registered `source`, both (H, W, 3) float32; `seen` marks what both show."""
    pairs = _sample(edited, source, seen)
    model: ToneModel = "identity"
    fits: dict[ToneModel, list[np.ndarray]] = {"identity": [np.array([0.0, 1.0])] * 3}
    unexplained = _left_over(pairs.source, pairs.edited)
    for richer in _TERMS:
        if unexplained <= MIN_GAIN_LEVELS:
            break
        fits[richer] = [_robust_fit(_TERMS[richer](pairs.source, c), pairs, c) for c in range(3)]
        left = _left_over(_apply(richer, pairs.source, fits[richer]), pairs.edited)
        if unexplained - left > max(MIN_GAIN_LEVELS, MIN_GAIN_OF_MODEL * unexplained):
            model, unexplained = richer, left
    predicted = _apply(model, source, fits[model])
    kept = fits["identity" if model == "identity" else "linear"]
    return Tone(
        predicted=_without_drift(predicted, edited, seen),
        gain=_triple([fit[1] for fit in kept]),
        offset=_triple([255 * fit[0] for fit in kept]),
        residual=_left_over(_apply("linear", pairs.source, kept), pairs.edited),
        model=model,
        strength=_left_over(_apply(model, pairs.source, fits[model]), pairs.source),
        unexplained=unexplained,
    )


@dataclass(frozen=True)
class _Pairs:
    """Corresponding colours, (N, 3) float32 on 0..255."""

    edited: np.ndarray
    source: np.ndarray


def _sample(edited: np.ndarray, source: np.ndarray, seen: np.ndarray) -> _Pairs:
    """Colours on a regular grid, smoothed so that noise and fine misalignment average out."""
    step = max(1, int(np.sqrt(edited.shape[0] * edited.shape[1] / SAMPLES)))
    grid = (slice(step // 2, None, step), slice(step // 2, None, step))
    kept = seen[grid]
    if not kept.any():
        kept = np.ones_like(kept)
    smooth = [cv2.GaussianBlur(p, (0, 0), 1.5)[grid][kept] for p in (edited, source)]
    return _Pairs(*smooth)


def _linear_terms(colors: np.ndarray, channel: int) -> np.ndarray:
    """(..., 2)."""
    own = colors[..., channel] / 255
    return np.stack([np.ones_like(own), own], axis=-1)


def _curve_terms(colors: np.ndarray, channel: int) -> np.ndarray:
    """(..., 4): enough to follow a gamma, exposure or contrast curve."""
    own = np.clip(colors[..., channel] / 255, 0, None)
    return np.stack([np.ones_like(own), own, own**2, np.sqrt(own)], axis=-1)


def _mixed_terms(colors: np.ndarray, channel: int) -> np.ndarray:
    """(..., 6): the curve, and what comes over from the other channels (saturation, black and white)."""
    others = [colors[..., c : c + 1] / 255 for c in range(3) if c != channel]
    return np.concatenate([_curve_terms(colors, channel), *others], axis=-1)


_TERMS: dict[ToneModel, Callable[[np.ndarray, int], np.ndarray]] = {
    "linear": _linear_terms,
    "curve": _curve_terms,
    "mixed": _mixed_terms,
}


def _apply(model: ToneModel, colors: np.ndarray, fit: list[np.ndarray]) -> np.ndarray:
    if model == "identity":
        return colors
    channels = [_TERMS[model](colors, c) @ fit[c].astype(np.float32) for c in range(3)]
    return np.clip(255 * np.stack(channels, axis=-1), 0, 255).astype(np.float32)


def _robust_fit(terms: np.ndarray, pairs: _Pairs, channel: int) -> np.ndarray:
    """Iteratively reweighted least squares: starts at absolute differences, ends at Tukey weights."""
    target = pairs.edited[:, channel] / 255
    usable = (pairs.edited[:, channel] > CLIPPED[0]) & (pairs.edited[:, channel] < CLIPPED[1])
    usable = usable if usable.sum() > 50 else np.ones_like(usable)
    terms, target = terms[usable].astype(np.float64), target[usable].astype(np.float64)
    share = _balance(pairs.source[usable, channel])
    prior = np.eye(terms.shape[1])[1]  # the identity curve, where the colours say nothing
    ridge = 1e-3 * np.eye(terms.shape[1])
    fit = prior
    for iteration in range(12):
        residual = target - terms @ fit
        scale = max(NOISE_LEVELS / 255, 1.4826 * float(np.median(np.abs(residual))))
        if iteration < 6:
            weight = 1 / np.maximum(np.abs(residual), scale / 2) * scale
        else:
            weight = np.clip(1 - (residual / (4.685 * scale)) ** 2, 0, None) ** 2
        weighted = terms * (weight * share)[:, None]
        fit = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ target + ridge @ prior)
    return fit


def _balance(values: np.ndarray) -> np.ndarray:
    """Weights that let rare tones, such as a dark boat on bright water, shape the curve too."""
    bins = np.clip(values / 16, 0, 15).astype(int)
    density = np.bincount(bins, minlength=16) / len(values)
    weight = 1 / np.maximum(density, RARE_TONE)[bins]
    return weight / weight.mean()


def _left_over(predicted: np.ndarray, edited: np.ndarray) -> float:
    return float(np.median(np.abs(np.clip(predicted, 0, 255) - edited).mean(axis=-1)))


def _without_drift(predicted: np.ndarray, edited: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Follow light that falls off smoothly over the whole frame; a robust quadratic cannot follow a flaw."""
    height, width = edited.shape[:2]
    small = (max(8, width // 12), max(8, height // 12))
    resized = [cv2.resize(p, small, interpolation=cv2.INTER_AREA) for p in (edited, predicted)]
    kept = cv2.resize(seen.astype(np.uint8), small, interpolation=cv2.INTER_NEAREST).ravel() > 0
    difference = (resized[0] - resized[1]).reshape(-1, 3)
    terms = _surface_terms(*small)
    coefficients = np.zeros((terms.shape[1], 3))
    for _ in range(8):
        residual = difference - terms @ coefficients
        scale = max(NOISE_LEVELS, 1.4826 * float(np.median(np.abs(residual[kept])))) if kept.any() else 1.0
        size = np.abs(residual).max(axis=1)
        weight = np.clip(1 - (size / (4.685 * scale)) ** 2, 0, None) ** 2 * kept
        weighted = terms * weight[:, None]
        normal = weighted.T @ terms + 1e-2 * np.eye(terms.shape[1])
        coefficients = np.linalg.solve(normal, weighted.T @ difference)
    surface = (terms @ coefficients).reshape(small[1], small[0], 3).astype(np.float32)
    if not 0.5 < np.abs(surface).max() < DRIFT_LIMIT:
        return predicted
    return np.clip(predicted + cv2.resize(surface, (width, height)), 0, 255)


def _surface_terms(width: int, height: int) -> np.ndarray:
    """(H * W, 6) quadratic terms over the frame."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)


def _triple(values: list[float]) -> tuple[float, float, float]:
    first, second, third = (float(v) for v in values)
    return first, second, third
