"""Do scores agree with what people said? SRCC, KRCC and PLCC, as papers on quality assessment report them.

Ties share their mean rank (SRCC) and are corrected for (KRCC is Kendall's tau-b). A correlation that does not
exist, because there are fewer than two rows or one side is constant, is NaN and never 0: a mean over datasets
has to leave it out knowingly.

PLCC is sensitive to the shape of the scale, so that it is usual to map scores through a monotone logistic
curve that is fitted to the opinions first: of 4 parameters (VQEG) or of 5 (4 and a slope; Sheikh et al.
2006). `plcc(..., mapping=4)` does so; without a mapping it is Pearson's r as it stands.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

__all__ = ["agreement", "fit_logistic", "krcc", "logistic", "plcc", "srcc"]

STEPS = 400  # of Levenberg and Marquardt; a few dozen are enough where a curve fits at all
SETTLED = 1e-12  # relative gain of a step that ends the fit
MAX_DAMPING = 1e12

Parameters = Literal[4, 5]


def srcc(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation of two (N,) rows."""
    x, y = _checked(x, y)
    return _pearson(_ranks(x), _ranks(y))


def krcc(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-b of two (N,) rows; takes time with the square of N."""
    x, y = _checked(x, y)
    apart = tied_x = tied_y = 0
    for i in range(len(x) - 1):
        dx, dy = np.sign(x[i + 1 :] - x[i]), np.sign(y[i + 1 :] - y[i])
        apart += int((dx * dy).sum())
        tied_x += int((dx == 0).sum())
        tied_y += int((dy == 0).sum())
    pairs = len(x) * (len(x) - 1) // 2
    divisor = float(pairs - tied_x) * float(pairs - tied_y)
    return apart / divisor**0.5 if divisor > 0 else float("nan")


def plcc(x: np.ndarray, y: np.ndarray, *, mapping: Parameters | None = None) -> float:
    """Pearson's correlation of scores `x` with opinions `y`, through a fitted logistic where asked for."""
    x, y = _checked(x, y)
    if mapping is None or len(x) <= mapping or np.ptp(x) == 0:
        return _pearson(x, y)
    return _pearson(logistic(x, fit_logistic(x, y, mapping)), y)


def agreement(x: np.ndarray, y: np.ndarray) -> Mapping[str, float]:
    """The three of them, by name."""
    return {"srcc": srcc(x, y), "krcc": krcc(x, y), "plcc": plcc(x, y)}


def logistic(x: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """(N,) values of the curve of 4 or 5 parameters.

    4: b2 + (b1 - b2) / (1 + exp(-(x - b3) / |b4|));  5: b1 (1/2 - 1 / (1 + exp(b2 (x - b3)))) + b4 x + b5.
    """
    if len(parameters) == 4:
        b1, b2, b3, b4 = parameters
        return b2 + (b1 - b2) * _sigmoid((x - b3) / max(abs(b4), 1e-12))
    b1, b2, b3, b4, b5 = parameters
    return b1 * (_sigmoid(b2 * (x - b3)) - 0.5) + b4 * x + b5


def fit_logistic(x: np.ndarray, y: np.ndarray, count: Parameters) -> np.ndarray:
    """(count,) parameters with the least squares, from the usual start."""
    x, y = _checked(x, y)
    spread = float(x.std()) or 1.0
    sign = 1.0 if _pearson(x, y) >= 0 else -1.0
    low, high = (float(y.min()), float(y.max()))[:: int(sign)]
    if count == 4:
        start = np.array([high, low, float(x.mean()), spread])
    else:
        start = np.array([high - low, 1 / spread, float(x.mean()), 0.0, float(y.mean())])
    return _least_squares(lambda b: logistic(x, b) - y, start)


def _least_squares(residuals: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> np.ndarray:
    """Levenberg and Marquardt with a numeric slope: nothing that is run with figures has scipy."""
    found, rest = start, residuals(start)
    cost, damping = float(rest @ rest), 1e-3
    for _ in range(STEPS):
        slopes = _slopes(residuals, found)
        square, pull = slopes.T @ slopes, slopes.T @ rest
        while damping < MAX_DAMPING:
            scale = np.diag(square) + 1e-12
            candidate = found - np.linalg.solve(square + damping * np.diag(scale), pull)
            there = residuals(candidate)
            gain = cost - float(there @ there)
            if gain > 0:
                break
            damping *= 4
        else:
            return found
        found, rest, cost, damping = candidate, there, cost - gain, damping / 8
        if gain <= SETTLED * cost:
            return found
    return found


def _slopes(residuals: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    """(N, P) central differences."""
    columns = []
    for i in range(len(at)):
        step = np.zeros_like(at)
        step[i] = 1e-6 * max(1.0, abs(float(at[i])))
        columns.append((residuals(at + step) - residuals(at - step)) / (2 * step[i]))
    return np.stack(columns, axis=1)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(x / 2))  # without the overflow of exp


def _checked(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"two rows of one length are needed, not {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a value is no finite number")
    return x, y


def _pearson(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip((x @ y) / np.sqrt((x @ x) * (y @ y)), -1, 1))


def _ranks(x: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]
