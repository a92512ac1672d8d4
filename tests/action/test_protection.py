"""Whatever an editor answers, no pixel outside the declared mask differs, and the report says the truth."""

import contextlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from editrefiner.contracts import Box, EditCandidate, FlawType, ImageRef, Operation
from services.action.agent import ActionAgent
from services.action.backends.compact import CompactEditor
from services.action.returned import BackendFailedError
from tests.action.editors import TINT, UNUSABLE, USABLE, Adversary, Answer, noise, noise_in_the_mask, tinted
from tests.action.scenes import Shelf, change, diagnosis, marked, region, request, textured, window

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
OPERATIONS = (Operation.DIFFUSION, Operation.RESTORE, Operation.TOOLS, Operation.INPAINT)


@st.composite
def boxes(draw: st.DrawFn, width: int, height: int) -> Box:
    """A box of at least one pixel in the frame, often at its edge."""
    x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return x0, y0, draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height))


@st.composite
def frames(draw: st.DrawFn) -> tuple[int, int]:
    """Width and height: tiny, odd, wide and tall."""
    short, long = draw(st.integers(1, 40)), draw(st.integers(1, 130))
    return draw(st.sampled_from([(short, long), (long, short)]))


def assert_protected(before: np.ndarray, candidate: EditCandidate, shelf: Shelf) -> None:
    """The picture against the input, pixel by pixel, and the report against both."""
    after, weights = shelf.pixels(candidate.image), shelf.gray(candidate.mask)
    report = candidate.protection
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert weights.shape == before.shape[:2]
    assert weights.dtype == np.uint8
    differs = (after != before).any(axis=-1)
    assert not (differs & (weights == 0)).any()
    assert report.holds
    assert (report.max_difference_outside, report.mean_difference_outside) == (0, 0.0)
    assert report.mask_pixels == np.count_nonzero(weights)
    assert report.changed_pixels == np.count_nonzero(differs) > 0


@QUICK
@given(data=st.data(), frame=frames(), answer=st.sampled_from(sorted(USABLE)))
def test_outside_the_mask_every_pixel_is_the_input_s(
    data: st.DataObject, frame: tuple[int, int], answer: str
) -> None:
    shelf = Shelf()
    before = textured(*frame, seed=5)
    areas = data.draw(st.lists(boxes(*frame), min_size=1, max_size=3))
    source = textured(
        *data.draw(st.one_of(st.just(frame), frames())), seed=data.draw(st.sampled_from([5, 6]))
    )
    asked = request(
        shelf,
        source,
        before,
        regions=tuple(region(shelf, f"r{i}", box) for i, box in enumerate(areas)),
        candidates=4,
        seed=data.draw(st.integers(0, 99)),
        change=change(shelf, marked(before, data.draw(boxes(*frame)))) if data.draw(st.booleans()) else None,
    )
    try:
        result = ActionAgent(Adversary(USABLE[answer]), shelf).edit(asked, lambda: None)
    except BackendFailedError:
        return
    for candidate in result.candidates:
        assert_protected(before, candidate, shelf)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=st.data(), frame=frames(), flaw_type=st.sampled_from(FlawType), operation=st.sampled_from(Operation)
)
def test_the_compact_operators_work_on_tiny_odd_and_wide_pictures(
    data: st.DataObject, frame: tuple[int, int], flaw_type: FlawType, operation: Operation
) -> None:
    shelf = Shelf()
    before = textured(*frame, seed=5)
    box = data.draw(boxes(*frame))
    window(before, box)[:] ^= data.draw(st.sampled_from([0, 7, 255]))
    asked = request(
        shelf,
        textured(*data.draw(st.one_of(st.just(frame), frames())), seed=data.draw(st.sampled_from([5, 6]))),
        before,
        regions=(region(shelf, box=box),),
        flaws=(diagnosis("r1", flaw_type, operation),),
        candidates=8,
        change=change(shelf, marked(before, data.draw(boxes(*frame)))) if data.draw(st.booleans()) else None,
    )

    for candidate in ActionAgent(CompactEditor(), shelf).edit(asked, lambda: None).candidates:
        assert_protected(before, candidate, shelf)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("answer", USABLE.values(), ids=USABLE)
def test_no_operation_opens_the_protection(answer: Answer, operation: Operation) -> None:
    shelf, before = Shelf(), textured()
    asked = request(shelf, textured(), before.copy(), candidates=8)
    try:
        result = ActionAgent(Adversary(answer, operation), shelf).edit(asked, lambda: None)
    except BackendFailedError as failure:
        assert "another picture" in str(failure)  # noqa: PT017 — either outcome is right
        return
    for candidate in result.candidates:
        assert_protected(before, candidate, shelf)


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
def test_an_answer_that_is_no_picture_of_the_crop_is_refused_with_what_came(answer: Answer) -> None:
    shelf, picture = Shelf(), textured()

    with pytest.raises(BackendFailedError, match="the editor returned") as caught:
        ActionAgent(Adversary(answer), shelf).edit(request(shelf, picture, picture), lambda: None)

    assert caught.value.status == 502


def test_another_picture_is_refused() -> None:
    shelf, picture = Shelf(), textured()

    with pytest.raises(BackendFailedError, match="another picture"):
        ActionAgent(Adversary(noise), shelf).edit(request(shelf, picture, picture), lambda: None)


def test_what_an_editor_raises_is_not_swallowed() -> None:
    shelf, picture = Shelf(), textured()

    def out_of_memory(_: object) -> np.ndarray:
        raise MemoryError("no memory left for the crop")

    with pytest.raises(MemoryError, match="no memory left"):
        ActionAgent(Adversary(out_of_memory), shelf).edit(request(shelf, picture, picture), lambda: None)


def test_an_editor_that_changes_nothing_makes_no_candidate() -> None:
    shelf, picture = Shelf(), textured()

    agent = ActionAgent(Adversary(lambda region: region.edited.copy()), shelf)

    assert agent.edit(request(shelf, picture, picture), lambda: None).candidates == ()


@pytest.mark.parametrize("answer", USABLE.values(), ids=USABLE)
def test_an_editor_cannot_write_into_the_pictures_given(answer: Answer) -> None:
    shelf, source, edited = Shelf(), textured(), textured(seed=4)
    asked = request(shelf, source, edited, candidates=8)
    editor = Adversary(answer)

    with contextlib.suppress(BackendFailedError):
        ActionAgent(editor, shelf).edit(asked, lambda: None)

    assert editor.asked
    assert not any(crop.edited.flags.writeable for crop in editor.asked)
    assert isinstance(asked.source, ImageRef)
    assert isinstance(asked.edited, ImageRef)
    assert np.array_equal(shelf.pixels(asked.source), source)
    assert np.array_equal(shelf.pixels(asked.edited), edited)


def test_a_tint_all_over_the_crop_is_taken_back_before_the_repair_is_used() -> None:
    shelf, picture = Shelf(), textured()

    def tinted_with_a_repair(crop) -> np.ndarray:
        pixels = tinted(crop)
        pixels[crop.mask > 0] = np.clip(np.array([200, 60, 60]) + TINT, 0, 255)
        return pixels

    asked = request(shelf, picture, picture, candidates=1)
    (candidate,) = ActionAgent(Adversary(tinted_with_a_repair), shelf).edit(asked, lambda: None).candidates

    repair = shelf.pixels(candidate.image)[shelf.gray(candidate.mask) == 255]
    assert np.abs(repair.astype(int) - [200, 60, 60]).max() <= 3


def test_the_repair_is_whole_in_the_region_and_fades_outside_it() -> None:
    shelf, picture = Shelf(), textured()
    asked = request(shelf, picture, picture, candidates=1)

    (candidate,) = ActionAgent(Adversary(noise_in_the_mask), shelf).edit(asked, lambda: None).candidates

    weights = shelf.gray(candidate.mask)
    assert (weights[marked(picture) > 0] == 255).all()
    assert len(np.unique(weights)) > 2
    assert 0 < candidate.protection.clipped_edge_fraction <= 1


def test_a_repair_that_meets_its_surroundings_has_no_clipped_edge() -> None:
    shelf, picture = Shelf(), textured()
    asked = request(shelf, picture, picture, candidates=1)

    def brighter_within(crop) -> np.ndarray:
        pixels = crop.edited.copy()
        pixels[crop.mask > 0] = np.clip(pixels[crop.mask > 0].astype(int) + 8, 0, 255)
        return pixels

    (candidate,) = ActionAgent(Adversary(brighter_within), shelf).edit(asked, lambda: None).candidates

    assert candidate.protection.clipped_edge_fraction == 0.0
