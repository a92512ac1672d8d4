"""Thresholds are as low as clean edits allow."""

from dataclasses import replace

import numpy as np
import pytest

from editrefiner.contracts import ChangeScope, EditKind, Registration
from services.perception.agent import Finding
from services.perception.regions import MIN_PEAK
from training.compact_detector.calibrate import ALLOWED, MOST, calibrated, share_with_regions

SHAPE = (80, 100)
QUIET = Finding(
    artifact=np.zeros(SHAPE, np.float32),
    failure=np.zeros(SHAPE, np.float32),
    intended=np.zeros(SHAPE, bool),
    changed_fraction=0.0,
    scope=ChangeScope.NONE,
    edit_kind=EditKind.UNKNOWN,
    registration=Registration(matrix=(1, 0, 0, 0, 1, 0)),
)


def with_peak(height: float) -> Finding:
    """One blob on the artifact map that rises to a height."""
    saliency = np.zeros(SHAPE, np.float32)
    saliency[20:50, 20:60] = height
    return replace(QUIET, artifact=saliency)


def test_the_thresholds_leave_the_allowed_share_of_clean_edits_with_a_region_and_not_more() -> None:
    found = [with_peak(height) for height in np.linspace(0.0, 0.6, 100)]

    thresholds = calibrated(found)

    assert 0 < share_with_regions(found, thresholds) <= ALLOWED
    assert thresholds.artifact == pytest.approx(0.6 / MIN_PEAK, rel=2 * ALLOWED)


def test_rare_loud_mistakes_do_not_make_the_detector_deaf() -> None:
    found = [with_peak(0.2)] * 396 + [with_peak(1.0)] * 4

    assert calibrated(found).artifact < 0.3


def test_mistakes_that_no_threshold_can_prevent_are_an_error() -> None:
    loud = with_peak(1.0)
    assert loud.artifact.max() > MOST * MIN_PEAK

    with pytest.raises(RuntimeError, match="at any threshold"):
        calibrated([loud] * 10)
