"""Which pixels a request marks."""

import numpy as np
import pytest

from editrefiner.contracts import FlawKind, FlawRegion, ImageRef
from editrefiner.regions import MAX_REGIONS, RegionInvalidError, read_regions

SIZE = (60, 40)


def ref(number: int, width: int, height: int) -> ImageRef:
    return ImageRef(sha256=f"{number:064x}", width=width, height=height)


def marked(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A mask of the whole picture, 255 in the boxes."""
    mask = np.zeros(SIZE[::-1], np.uint8)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = 255
    return mask


def parts(mask: np.ndarray):
    return read_regions((), ref(0, *SIZE), SIZE, lambda _: mask)


def region(box: tuple[int, int, int, int], name: str = "r1") -> FlawRegion:
    width, height = box[2] - box[0], box[3] - box[1]
    return FlawRegion(
        id=name,
        kind=FlawKind.ARTIFACT,
        bbox=box,
        area=width * height,
        mean_saliency=0.7,
        peak_saliency=0.9,
        mask=ref(1, width, height),
    )


def test_a_mask_is_split_into_its_parts_the_largest_first() -> None:
    found = parts(marked((2, 2, 6, 6), (20, 10, 40, 30)))

    assert [(one.id, one.box) for one in found] == [("m1", (20, 10, 40, 30)), ("m2", (2, 2, 6, 6))]
    assert all((one.mask == 255).all() for one in found)


def test_marks_that_nearly_touch_are_one_part() -> None:
    (only,) = parts(marked((2, 2, 10, 10), (12, 2, 20, 10)))

    assert only.box == (2, 2, 20, 10)
    assert np.count_nonzero(only.mask) == 128


def test_a_dotted_mask_is_joined_into_a_bounded_number_of_parts() -> None:
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[::5, ::5] = 255

    found = parts(mask)

    assert 1 <= len(found) <= MAX_REGIONS
    assert sum(np.count_nonzero(one.mask) for one in found) == np.count_nonzero(mask)


def test_a_region_has_the_smallest_box_around_its_pixels() -> None:
    mask = np.zeros((10, 20), np.uint8)
    mask[2:5, 3:9] = 200

    (only,) = read_regions((region((10, 10, 30, 20)),), None, SIZE, lambda _: mask)

    assert (only.id, only.box, only.saliency) == ("r1", (13, 12, 19, 15), 0.7)


@pytest.mark.parametrize(
    ("regions", "mask", "field"),
    [
        ([region((50, 30, 70, 40))], np.full((10, 20), 255, np.uint8), "body.regions.0.bbox"),
        ([region((10, 10, 30, 20))], np.full((9, 20), 255, np.uint8), "body.regions.0.mask"),
        ([region((10, 10, 30, 20))], np.zeros((10, 20), np.uint8), "body.regions.0.mask"),
        ([region((10, 10, 30, 20))] * 2, np.full((10, 20), 255, np.uint8), "body.regions.1.id"),
    ],
    ids=["leaves the picture", "other size", "marks nothing", "named twice"],
)
def test_a_region_that_does_not_fit_names_the_field(regions, mask, field) -> None:
    with pytest.raises(RegionInvalidError) as caught:
        read_regions(regions, None, SIZE, lambda _: mask)

    assert [error.field for error in caught.value.errors] == [field]


@pytest.mark.parametrize("mask", [np.zeros(SIZE[::-1], np.uint8), np.full((5, 5), 255, np.uint8)])
def test_a_mask_that_marks_nothing_or_has_another_size_is_refused(mask) -> None:
    with pytest.raises(RegionInvalidError) as caught:
        parts(mask)

    assert [error.field for error in caught.value.errors] == ["body.mask"]
