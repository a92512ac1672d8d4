"""How close is a predicted saliency map to a labelled one? AUC-Judd, NSS, CC, SIM and KLD.

The five metrics follow Bylinskii, Judd, Oliva, Torralba and Durand, "What do different evaluation metrics
tell us about saliency models?" (TPAMI 2019), and this is what is fixed where implementations differ:

- The prediction is compared with two kinds of truth. AUC-Judd and NSS want *fixations*, a binary map; CC, SIM
  and KLD want a *density*, the label itself. The labels of EditFHF-15K are densities made from disks, without
  raw fixations, so `fixations_of` cuts the label at a level. Figures of different levels do not compare.
- Nothing is resized, blurred, shifted or rescaled first, and no noise is drawn to break ties: a fixated and
  another pixel of equal value count one half, as they do on average under the paper's jitter. Same maps, same
  figures.
- A metric that is undefined for a pair (no fixations, a constant map where a deviation is divided by, an
  empty density) is nan, never 0 or 1; `average` leaves nan out and says how many pairs counted. Maps that are
  no maps (two shapes, negative or non-finite values) are a ValueError.

The module needs numpy alone, so that training and serving can measure with it.
"""

import math
from collections.abc import Iterable, Mapping

import numpy as np

__all__ = ["METRICS", "all_metrics", "auc_judd", "average", "cc", "fixations_of", "kld", "nss", "sim"]

METRICS: tuple[str, ...] = ("auc_judd", "nss", "cc", "sim", "kld")
"""Higher is better for all but `kld`."""
EPSILON = 2.2204e-16  # of the paper's own program and of the MIT/Tuebingen benchmark; it bounds KLD near 36
FIXATION_LEVEL = 0.5


def fixations_of(label: np.ndarray, level: float = FIXATION_LEVEL) -> np.ndarray:
    """(H, W) bool: where the label, in absolute 0..1, is at least `level`.

    A label that nowhere reaches the level has no fixations, and AUC-Judd and NSS of its pair are nan.
    """
    if not 0.0 < level <= 1.0:
        raise ValueError(f"a fixation level lies in (0, 1]; {level} does not")
    return _map(label, "label") >= level


def auc_judd(prediction: np.ndarray, fixations: np.ndarray) -> float:
    """Area under the ROC curve of the prediction as a detector of fixated pixels; 0.5 is chance, 1 perfect.

    The thresholds are the distinct values of the prediction at fixated pixels (Judd's variant): the true
    positive rate is the share of fixated pixels at or above a threshold, the false positive rate that of the
    other pixels; (0, 0) and (1, 1) are added and the trapezoids summed. nan where no pixel or every pixel is
    fixated. A constant prediction scores 0.5.
    """
    values, hit = _pair(prediction, fixations)
    positives = values[hit]
    negatives = np.sort(values[~hit])
    if not positives.size or not negatives.size:
        return math.nan
    thresholds, counts = np.unique(positives, return_counts=True)  # ascending
    true_rate = np.concatenate([[0.0], np.cumsum(counts[::-1]) / positives.size, [1.0]])
    below = np.searchsorted(negatives, thresholds[::-1], side="left")
    false_rate = np.concatenate([[0.0], 1.0 - below / negatives.size, [1.0]])
    return float(np.trapezoid(true_rate, false_rate))


def nss(prediction: np.ndarray, fixations: np.ndarray) -> float:
    """Mean of the standardised prediction over fixated pixels; 0 is chance, unbounded above.

    Standardised with the population's deviation (divided by N) of the whole map. nan without fixations or for
    a constant prediction.
    """
    values, hit = _pair(prediction, fixations)
    deviation = _deviation(values)
    if not hit.any() or deviation == 0.0:
        return math.nan
    return float((values[hit].mean() - values.mean()) / deviation)


def cc(prediction: np.ndarray, label: np.ndarray) -> float:
    """Pearson's correlation of the two maps over all pixels, in -1..1; nan where either map is constant."""
    first, second = _densities(prediction, label)
    scale = _deviation(first) * _deviation(second)
    if scale == 0.0:
        return math.nan
    return float(np.clip(np.mean((first - first.mean()) * (second - second.mean())) / scale, -1.0, 1.0))


def sim(prediction: np.ndarray, label: np.ndarray) -> float:
    """Shared mass of the two maps, each divided by its sum: 1 for equal maps, 0 for disjoint ones.

    The maps are not stretched to 0..1 first (the paper's program does that, its formula does not), so that a
    uniform haze costs what it should. nan where either map is all zero.
    """
    first, second = _densities(prediction, label)
    if not first.sum() or not second.sum():
        return math.nan
    return float(np.minimum(first / first.sum(), second / second.sum()).sum())


def kld(prediction: np.ndarray, label: np.ndarray) -> float:
    """KL(label || prediction) in nats, each map divided by its sum; 0 is perfect, misses cost most.

    The sum over pixels of Q * log(eps + Q / (P + eps)), with P the prediction, Q the label and
    eps = 2.2204e-16 as in the paper's program. nan where either map is all zero.
    """
    first, second = _densities(prediction, label)
    if not first.sum() or not second.sum():
        return math.nan
    guess, truth = first / first.sum(), second / second.sum()
    return float(np.sum(truth * np.log(EPSILON + truth / (guess + EPSILON))))


def all_metrics(
    prediction: np.ndarray, label: np.ndarray, *, level: float = FIXATION_LEVEL
) -> dict[str, float]:
    """The five metrics of one pair, under the names of `METRICS`; fixations are the label cut at `level`."""
    fixations = fixations_of(label, level)
    return {
        "auc_judd": auc_judd(prediction, fixations),
        "nss": nss(prediction, fixations),
        "cc": cc(prediction, label),
        "sim": sim(prediction, label),
        "kld": kld(prediction, label),
    }


def average(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each metric over the pairs where it is defined, and their number as `<metric>_pairs`."""
    kept = list(rows)
    means: dict[str, float] = {}
    for name in METRICS:
        defined = [row[name] for row in kept if not math.isnan(row[name])]
        means[name] = math.fsum(defined) / len(defined) if defined else math.nan
        means[f"{name}_pairs"] = float(len(defined))
    return means


def _map(values: np.ndarray, name: str) -> np.ndarray:
    """The values as (H, W) float64, or a ValueError that says why they are no map."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"the {name} is a map of height and width; this one has the shape {values.shape}")
    if not np.isfinite(values).all() or values.min() < 0:
        raise ValueError(f"the {name} holds negative or non-finite values")
    return values


def _densities(prediction: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = _map(prediction, "prediction"), _map(label, "label")
    if first.shape != second.shape:
        raise ValueError(f"the prediction is {first.shape} and the label {second.shape}: resize one of them")
    return first, second


def _pair(prediction: np.ndarray, fixations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The prediction as float64 and the fixations as bool; any value above 0 is a fixation."""
    values, hit = _densities(prediction, fixations)
    return values, hit > 0


def _deviation(values: np.ndarray) -> float:
    """The population's standard deviation, exactly 0 for a constant map whatever the rounding of its mean."""
    return 0.0 if values.min() == values.max() else float(values.std())
