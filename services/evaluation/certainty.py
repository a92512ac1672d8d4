"""How sure is an order of scores? Normal errors of their differences, worked out without sampling."""

from collections.abc import Sequence
from functools import cache
from math import erfc, sqrt

import numpy as np

REACH, STEPS = 8.0, 401  # of the integral, in standard deviations: beyond lies less than 1e-14
PROBABILITY_DECIMALS = 6


def probability_above(difference: float, threshold: float, spread: float) -> float:
    """That the true difference exceeds the threshold; with no spread it is known, and equality is a half."""
    if spread == 0:
        return 0.5 if difference == threshold else float(difference > threshold)
    return round(0.5 * erfc((threshold - difference) / (spread * sqrt(2))), PROBABILITY_DECIMALS)


def best_probabilities(overall: Sequence[float], spread: float) -> tuple[float, ...]:
    """For each score, that its edit is the best, where the difference of any two has this spread.

    Every score then has an independent error of spread / sqrt(2).
    """
    scores = np.asarray(overall, np.float64)
    if spread == 0:
        best = scores == scores.max()
        return tuple((best / best.sum()).tolist())
    z = np.linspace(-REACH, REACH, STEPS)
    steps = (scores[:, None] - scores) / (spread / sqrt(2))  # (N, N) how far each stands above each other
    below = _normal(steps[:, :, None] + z)  # (N, N, STEPS) chance that j lies below i when i is off by z
    below[np.arange(len(scores)), np.arange(len(scores))] = 1.0
    chances = (below.prod(axis=1) * np.exp(-z * z / 2)).sum(axis=1)
    return tuple(np.round(chances / chances.sum(), PROBABILITY_DECIMALS).tolist())


def tied(overall: Sequence[float], order: Sequence[int], margin: float) -> tuple[tuple[int, ...], ...]:
    """The order in groups: each ends where a score falls more than the margin below its first."""
    groups: list[list[int]] = []
    for index in order:
        if groups and overall[groups[-1][0]] - overall[index] <= margin:
            groups[-1].append(index)
        else:
            groups.append([index])
    return tuple(tuple(group) for group in groups)


def _normal(x: np.ndarray) -> np.ndarray:
    """Cumulative normal distribution; the error of its table is below 1e-6."""
    return np.interp(x, *_table())


@cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    grid = np.linspace(-9, 9, 4001)
    return grid, np.array([0.5 * erfc(-value / sqrt(2)) for value in grid])
