"""From which saliency on is a pixel flawed? Thresholds at which clean validation pairs stay clean."""

import numpy as np

from services.perception.agent import Sample
from services.perception.backends.compact import network_maps
from services.perception.backends.comparison import compare
from services.perception.backends.network import FlawNetwork
from services.perception.regions import MIN_PEAK
from training.flaws.photos import photos
from training.flaws.stream import FlawStream

SEED = 77
MISTAKEN = (
    0.015  # of the clean validation pairs may be above either threshold: the report asks for at most 5 %
)
LEAST, MOST = 0.1, 0.6  # where a threshold may lie: its peak factor must leave room below 1


def calibrated(network: FlawNetwork, pairs: int) -> dict[str, float]:
    """One threshold per map, from the peaks of clean validation pairs."""
    peaks = clean_peaks(network, pairs)
    limits = [float(np.quantile(kind, 1 - MISTAKEN)) / MIN_PEAK for kind in peaks.T]
    artifact, failure = (round(float(np.clip(limit, LEAST, MOST)), 3) for limit in limits)
    return {"artifact": artifact, "editing_failure": failure}


def clean_peaks(network: FlawNetwork, pairs: int) -> np.ndarray:
    """(pairs, 2): the highest artifact and failure saliency of each flawless validation edit."""
    stream = FlawStream(photos("validation"), SEED, flawless=1.0)
    peaks = np.zeros((pairs, 2))
    for index in range(pairs):
        record = stream.record(index)
        found = compare(Sample(record.source, record.edited, record.instruction))
        maps = network_maps(network, found, record.instruction)
        if maps is not None:
            peaks[index] = maps.max(axis=(1, 2))
    return peaks
