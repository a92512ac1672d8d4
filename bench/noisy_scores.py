"""In what ways is a judge wrong? Errors of the scores of all edits that one job compares, by several models.

An error is what the judge says less the truth, in points, for each of the three dimensions. Every made-up
model has the same spread of the error of a difference of overall, so that they can be compared.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from editrefiner.contracts import overall_score

Random = np.random.Generator
Errors = Callable[[Random, int, int], np.ndarray]
"""(random, rounds, candidates per round) -> (1 + rounds * candidates, 3), the edit given first."""
DIMENSIONS = 3
OVERALL_WEIGHTS = (0.3, 0.4, 0.3)  # of the geometric mean: near equal scores it is this weighted mean
ALIKE = 0.5  # of the variance of an error that candidates of one round have in common
LEAST_SOURCES = 20  # with which errors can be drawn again as if they were new


class ResidualsError(ValueError):
    """A file of measured errors that cannot be used."""


@dataclass(frozen=True)
class Measured:
    """What a scorer said of edits of known scores."""

    true: np.ndarray
    """(N, 3)."""
    told: np.ndarray
    """(N, 3)."""
    source: np.ndarray
    """(N,): the same for edits of one source."""
    decision_margin: float | None
    """None where the file does not say."""

    def differences(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ordered pairs of edits of one source: (2, P) indices, claimed and true gain of the second, (P,)."""
        same = (self.source[:, None] == self.source[None, :]) & ~np.eye(len(self.source), dtype=bool)
        base, candidate = np.nonzero(same)
        told, true = overall(self.told), overall(self.true)
        return np.stack([base, candidate]), told[candidate] - told[base], true[candidate] - true[base]

    @property
    def difference_spread(self) -> float:
        """Standard deviation of the error of a difference of overall."""
        _, claimed, true = self.differences()
        return float(np.sqrt(np.mean((claimed - true) ** 2)))


def overall(scores: np.ndarray) -> np.ndarray:
    """(N,) overall of (N, 3) scores."""
    return np.array([overall_score(*row) for row in scores.tolist()])


def gaussian(spread: float) -> Errors:
    """Each edit's error by itself, the same in all three dimensions: no tolerance ever helps the margin."""

    def drawn(rng: Random, rounds: int, candidates: int) -> np.ndarray:
        own = rng.normal(0, spread / np.sqrt(2), (1 + rounds * candidates, 1))
        return np.repeat(own, DIMENSIONS, axis=1)

    return drawn


def shared(spread: float) -> Errors:
    """On top of each edit's own error one that all edits of the source share, as large."""
    own = gaussian(spread)

    def drawn(rng: Random, rounds: int, candidates: int) -> np.ndarray:
        return own(rng, rounds, candidates) + rng.normal(0, spread / np.sqrt(2))

    return drawn


def alike(spread: float) -> Errors:
    """Candidates of one round err alike in part: they repair the same place of the same picture."""
    sd = spread / np.sqrt(2)

    def drawn(rng: Random, rounds: int, candidates: int) -> np.ndarray:
        common = rng.normal(0, sd * np.sqrt(ALIKE), (rounds, 1))
        own = rng.normal(0, sd * np.sqrt(1 - ALIKE), (rounds, candidates))
        errors = np.concatenate([rng.normal(0, sd, 1), (common + own).ravel()])
        return np.repeat(errors[:, None], DIMENSIONS, axis=1)

    return drawn


def apart(spread: float) -> Errors:
    """Each dimension errs by itself, so that the tolerances reject too; the error of overall is as large."""
    sd = spread / np.sqrt(2) / float(np.linalg.norm(OVERALL_WEIGHTS))

    def drawn(rng: Random, rounds: int, candidates: int) -> np.ndarray:
        return rng.normal(0, sd, (1 + rounds * candidates, DIMENSIONS))

    return drawn


def resampled(measured: Measured) -> Errors:
    """A measured source's mean error and, on top, by what edits differ from theirs, drawn by chance."""
    off = measured.told - measured.true
    _, group, count = np.unique(measured.source, return_inverse=True, return_counts=True)
    means = np.stack([np.bincount(group, off[:, i]) / count for i in range(DIMENSIONS)], axis=1)
    known = count[group] > 1
    # The mean of n edits takes 1/n of the variance of their own errors with it.
    larger = np.sqrt(count[group] / np.maximum(count[group] - 1, 1))[:, None]
    own = ((off - means[group]) * larger)[known]

    def drawn(rng: Random, rounds: int, candidates: int) -> np.ndarray:
        rows = rng.integers(len(own), size=1 + rounds * candidates)
        return means[rng.integers(len(means))] + own[rows]

    return drawn


def read_measured(path: Path) -> Measured:
    """Read {"pairs": [{"source": .., "true": [q, f, c], "told": [q, f, c]}...]}; else ResidualsError."""
    try:
        content = json.loads(path.read_text())
        pairs = content["pairs"]
        true, told = (np.array([pair[name] for pair in pairs], float) for name in ("true", "told"))
        _, source = np.unique([str(pair["source"]) for pair in pairs], return_inverse=True)
        margin = _number(content, "decision_margin")
    except OSError as exc:
        raise ResidualsError(f"{path} cannot be read: {exc.strerror}") from exc
    except KeyError as exc:
        raise ResidualsError(f"{path} lacks {exc} somewhere") from exc
    except (ValueError, TypeError) as exc:
        raise ResidualsError(f"{path} is no JSON of measured pairs: {exc}") from exc
    for name, scores in (("true", true), ("told", told)):
        if scores.shape != (len(source), DIMENSIONS) or not np.all((scores >= 0) & (scores <= 100)):
            raise ResidualsError(f'{path}: "{name}" must be three scores of 0 to 100 in every pair')
    several = int((np.bincount(source) > 1).sum())
    if several < LEAST_SOURCES:
        raise ResidualsError(
            f"{path}: only {several} sources have two edits or more; {LEAST_SOURCES} are needed to draw again"
        )
    return Measured(true, told, source, margin)


def _number(content: Mapping[str, object], name: str) -> float | None:
    value = content.get(name)
    if value is None or isinstance(value, int | float):
        return value
    message = f"{name} is {value!r}, not a number"
    raise TypeError(message)
