"""Saliency maps are made of disks of 1/20 of the height around flaws, by three annotators, smoothed."""

import numpy as np
import pytest

from editrefiner.contracts import FlawType
from training.flaws.annotation import box_of, saliency_map
from training.flaws.scene import Flaw

SHAPE = (320, 448)


def flaw(mask: np.ndarray, severity: float = 1.0) -> Flaw:
    return Flaw(FlawType.BLUR, "blur.test", mask, box_of(mask), 0.5, severity, "blurred")


def square(y: int, x: int, side: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def test_a_box_is_exclusive_on_the_right_and_below() -> None:
    assert box_of(square(10, 20, 5)) == (20, 10, 25, 15)


def test_a_box_around_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="empty mask"):
        box_of(np.zeros(SHAPE, bool))


def test_a_small_flaw_is_marked_by_about_one_disk() -> None:
    found = saliency_map([flaw(square(150, 200, 8))], SHAPE, np.random.default_rng(1))

    radius = 320 / 20
    rows, columns = np.nonzero(found > 0.5)
    assert found[154, 204] > 0.8
    assert 1.2 * radius < np.ptp(rows) < 3 * radius
    assert 1.2 * radius < np.ptp(columns) < 3 * radius
    assert found[154, 204 + int(4 * radius)] < 0.02


def test_a_large_flaw_is_covered_and_the_rest_is_not() -> None:
    mask = square(60, 60, 160)
    found = saliency_map([flaw(mask)], SHAPE, np.random.default_rng(2))

    assert (found[mask] > 0.5).mean() > 0.85
    assert found[300:, 300:].max() < 0.02


def test_a_faint_flaw_is_noticed_by_fewer_annotators() -> None:
    faint = [
        saliency_map([flaw(square(150, 200, 20), 0.0)], SHAPE, np.random.default_rng(i)).max()
        for i in range(20)
    ]
    gross = [
        saliency_map([flaw(square(150, 200, 20), 1.0)], SHAPE, np.random.default_rng(i)).max()
        for i in range(20)
    ]

    assert np.mean(faint) < np.mean(gross) - 0.1
    assert min(faint) > 0.2


def test_a_flaw_of_the_whole_frame_marks_all_of_it() -> None:
    found = saliency_map([flaw(np.ones(SHAPE, bool))], SHAPE, np.random.default_rng(3))

    assert found.min() > 0.99


def test_no_flaw_leaves_an_empty_map() -> None:
    assert saliency_map([], SHAPE, np.random.default_rng(4)).max() == 0
