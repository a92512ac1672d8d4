"""From which saliency on is a pixel flawed? Thresholds at which clean validation edits have no region."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from editrefiner.contracts import Thresholds
from services.perception.agent import Finding, Sample, regions_of
from services.perception.backends.compact import CompactDetector
from services.perception.regions import MIN_PEAK
from training.flaws.photos import photos
from training.flaws.stream import FlawStream

SEED = 77
ALLOWED = 0.03  # of flawless validation edits may have a region: the report, on other folders, allows 5 %
QUANTILES = (0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 1.0)
"""Of the peaks of clean pairs, at which a threshold is tried, the most sensitive first."""
LEAST, MOST = 0.1, 0.6  # where a threshold may lie: its peak factor must leave room below 1


def calibrated(found: list[Finding]) -> Thresholds:
    """The lowest thresholds at which no more than ALLOWED of the findings on clean edits have any region.

    Raises RuntimeError where even the highest ones allow more: then it is not the network that is mistaken.
    """
    peaks = np.array([[one.artifact.max(), one.failure.max()] for one in found])
    for quantile in QUANTILES:
        artifact, failure = (float(np.quantile(kind, quantile)) / MIN_PEAK for kind in peaks.T)
        thresholds = Thresholds(artifact=_within(artifact), editing_failure=_within(failure))
        mistaken = share_with_regions(found, thresholds)
        print(f"quantile {quantile}: {thresholds.model_dump()}, {mistaken:.1%} of clean edits with a region")
        if mistaken <= ALLOWED:
            return thresholds
    raise RuntimeError(f"more than {ALLOWED:.0%} of clean validation edits have a region at any threshold")


def clean_findings(detector: CompactDetector, pairs: int) -> Iterator[Finding]:
    """What the detector sees on flawless validation edits."""
    stream = FlawStream(photos("validation"), SEED, flawless=1.0)
    for record in islice(stream, pairs):
        yield detector.detect(Sample(record.source, record.edited, record.instruction), lambda: None)


def share_with_regions(found: list[Finding], thresholds: Thresholds) -> float:
    """Of the findings, how many become a region."""
    sizes = [one.artifact.shape[:2] for one in found]
    regions = [
        regions_of(one, thresholds, size=(size[0], size[1]), max_regions=1)
        for one, size in zip(found, sizes, strict=True)
    ]
    return sum(map(bool, regions)) / len(regions)


def _within(threshold: float) -> float:
    return round(float(np.clip(threshold, LEAST, MOST)), 3)
