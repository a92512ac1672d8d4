"""Saliency becomes regions: specks go, near pieces join, holes close."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editrefiner.contracts import FlawKind, Thresholds
from services.perception.regions import Region, find_regions, union_mask

SIZE = (200, 300)
THRESHOLDS = Thresholds(artifact=0.5, editing_failure=0.5)
NONE = np.zeros(SIZE, np.float32)
Box = tuple[int, int, int, int]


def salient(*boxes: Box, value: float = 0.9) -> np.ndarray:
    values = NONE.copy()
    for x0, y0, x1, y1 in boxes:
        values[y0:y1, x0:x1] = value
    return values


def regions(artifact: np.ndarray, failure: np.ndarray = NONE, *, limit: int = 8) -> tuple[Region, ...]:
    return find_regions(artifact, failure, THRESHOLDS, size=SIZE, max_regions=limit)


def test_a_flaw_becomes_one_region_with_its_rim() -> None:
    (region,) = regions(salient((50, 60, 110, 100)))

    assert region.kind is FlawKind.ARTIFACT
    assert region.bbox == pytest.approx((50, 60, 110, 100), abs=2)
    assert region.peak_saliency == pytest.approx(0.9)


def test_the_stronger_map_names_the_kind() -> None:
    (region,) = regions(salient((50, 60, 110, 100), value=0.6), salient((50, 60, 110, 100)))

    assert region.kind is FlawKind.EDITING_FAILURE


def test_pieces_that_nearly_touch_are_one_region_and_distant_ones_are_not() -> None:
    assert len(regions(salient((50, 60, 70, 100), (72, 60, 110, 100)))) == 1
    assert len(regions(salient((50, 60, 70, 100), (120, 60, 160, 100)))) == 2


def test_what_a_flaw_surrounds_belongs_to_it() -> None:
    ring = salient((50, 60, 110, 100))
    ring[75:85, 75:85] = 0

    (region,) = regions(ring)

    assert region.mask[region.mask.shape[0] // 2, region.mask.shape[1] // 2] == 255


@pytest.mark.parametrize(
    "values",
    [
        salient((50, 60, 52, 62)),
        salient((50, 60, 110, 100), value=0.45),
        salient((50, 60, 110, 100), value=0.6),
        NONE,
    ],
    ids=["a speck", "below the threshold", "nowhere clearly above it", "nothing"],
)
def test_what_is_too_small_or_too_weak_is_no_region(values: np.ndarray) -> None:
    assert regions(values) == ()


def test_the_largest_mass_comes_first_and_the_rest_is_cut() -> None:
    values = salient((10, 10, 40, 40), (100, 100, 180, 180), (220, 20, 260, 70))

    first, second = regions(values, limit=2)

    assert first.bbox[0] == pytest.approx(100, abs=2)
    assert second.bbox[0] == pytest.approx(220, abs=2)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 70), st.integers(0, 50), st.integers(1, 40), st.integers(1, 40)), max_size=6
    ),
    height=st.integers(1, 240),
    width=st.integers(1, 240),
)
def test_regions_lie_in_the_frame_and_make_up_the_mask(
    boxes: list[tuple[int, int, int, int]], height: int, width: int
) -> None:
    values = np.zeros((60, 80), np.float32)
    for x, y, w, h in boxes:
        values[y : y + h, x : x + w] = 1.0

    found = find_regions(values, 0 * values, THRESHOLDS, size=(height, width), max_regions=8)

    mask = union_mask(found, (height, width))
    assert mask.shape == (height, width)
    for region in found:
        x0, y0, x1, y1 = region.bbox
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert region.mask.shape == (y1 - y0, x1 - x0)
        assert np.all(mask[y0:y1, x0:x1][region.mask > 0] == 255)
    assert np.count_nonzero(mask) <= sum(region.area for region in found)


def tightened(changed: Box | None) -> np.ndarray:
    """(H, W) bool: the regions of a salient square from 40 to 80, where `changed` is what changed."""
    extent = None if changed is None else salient(changed) > 0
    found = find_regions(salient((40, 40, 80, 80)), NONE, THRESHOLDS, size=SIZE, max_regions=8, extent=extent)
    return union_mask(found, SIZE) > 0


def test_a_region_ends_where_the_change_that_it_lies_on_ends() -> None:
    found = tightened((50, 50, 90, 90))

    assert found[50:90, 50:90].all(), "what of the change reaches beyond the saliency belongs to the flaw"
    assert not found[:46].any()
    assert not found[:, :46].any()


def test_a_change_that_a_region_only_touches_is_not_taken_along() -> None:
    found = tightened((65, 45, 250, 75))

    assert found[50:70, 67:78].all()
    assert not found[:, 90:].any()


def test_a_region_where_nothing_changed_keeps_the_shape_of_its_saliency() -> None:
    elsewhere = tightened((200, 150, 250, 190))

    assert np.array_equal(elsewhere, tightened(None))
    assert elsewhere[42:78, 42:78].all()


@pytest.mark.parametrize(("value", "count"), [(0.25, 0), (0.3, 1)])
def test_a_region_must_rise_clearly_above_the_threshold_of_its_map(value: float, count: int) -> None:
    low = Thresholds(artifact=0.2, editing_failure=0.2)
    flawed = salient((50, 60, 110, 100), value=value)

    assert len(find_regions(flawed, NONE, low, size=SIZE, max_regions=8)) == count
