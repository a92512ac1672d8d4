"""The agent repairs what it is asked to, at native resolution, the same way every time, until stopped."""

import numpy as np
import pytest

from editrefiner.contracts import (
    EditRequest,
    FlawType,
    Operation,
    Registration,
)
from editrefiner.regions import RegionInvalidError
from services.action.agent import ActionAgent
from services.action.backends.compact import CompactEditor
from tests.action.editors import Adversary, noise_in_the_mask
from tests.action.scenes import (
    BOX,
    Shelf,
    change,
    diagnosis,
    marked,
    mean_error,
    region,
    request,
    textured,
    window,
)

OTHER = (140, 20, 170, 50)


def flawed() -> np.ndarray:
    picture = textured()
    window(picture)[:] = 127
    return picture


def edit(shelf: Shelf, asked: EditRequest, editor=None):
    return ActionAgent(editor or CompactEditor(), shelf).edit(asked, lambda: None)


def test_equal_requests_have_equal_answers() -> None:
    asked = []
    for _ in range(2):
        shelf = Shelf()
        fields = {
            "flaws": (diagnosis("r1", FlawType.LEFTOVER, Operation.INPAINT),),
            "candidates": 3,
            "seed": 7,
        }
        asked.append(edit(shelf, request(shelf, textured(), flawed(), **fields)))

    assert asked[0] == asked[1]


def test_the_seed_reaches_an_editor_that_draws_on_chance() -> None:
    shelf = Shelf()
    first, second, again = (
        edit(shelf, request(shelf, textured(), flawed(), candidates=1, seed=seed), _painter())
        for seed in (1, 2, 1)
    )

    assert first == again
    assert first.candidates[0].image != second.candidates[0].image
    assert first.candidates[0].seed != second.candidates[0].seed


def test_candidates_differ_in_their_pixels_and_in_their_seeds() -> None:
    shelf = Shelf()
    fields = {"flaws": (diagnosis("r1", FlawType.COLOR_CAST, Operation.TOOLS),), "candidates": 8}

    candidates = edit(shelf, request(shelf, textured(), flawed(), **fields)).candidates

    assert len(candidates) > 1
    assert len({candidate.image.sha256 for candidate in candidates}) == len(candidates)
    assert len({candidate.seed for candidate in candidates}) == len(candidates)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_there_are_never_more_candidates_than_asked_for(count: int) -> None:
    shelf = Shelf()
    fields = {"regions": (region(shelf), region(shelf, "r2", OTHER)), "candidates": count}

    assert (
        0 < len(edit(shelf, request(shelf, textured(), flawed(), **fields), _painter()).candidates) <= count
    )


def test_an_editor_gets_the_very_pixels_of_picture_and_source() -> None:
    shelf, editor = Shelf(), Adversary(noise_in_the_mask)

    edit(shelf, request(shelf, textured(), flawed(), candidates=1), editor)

    (crop,) = editor.asked
    height, width = crop.edited.shape[:2]
    assert height > BOX[3] - BOX[1]
    views = np.lib.stride_tricks.sliding_window_view(flawed(), (height, width, 3))[..., 0, :, :, :]
    place = np.argwhere((views == crop.edited).all(axis=(-1, -2, -3)))
    assert len(place) == 1
    top, left = place[0]
    assert np.array_equal(crop.source, textured()[top : top + height, left : left + width])
    assert crop.mask[BOX[1] - top : BOX[3] - top, BOX[0] - left : BOX[2] - left].all()


def test_a_source_of_another_size_is_laid_under_the_picture() -> None:
    shelf, truth = Shelf(), textured()
    source = truth.repeat(2, 0).repeat(2, 1)

    (candidate,) = edit(shelf, request(shelf, source, flawed(), candidates=1)).candidates

    assert mean_error(shelf.pixels(candidate.image), truth) < 2.0


def test_a_registered_shift_is_undone_before_the_source_is_used() -> None:
    shelf, source = Shelf(), textured(220, 170)
    truth = source[6:156, 4:204]
    edited = truth.copy()
    window(edited)[:] = 127
    registration = Registration(matrix=(1.0, 0.0, 4.0, 0.0, 1.0, 6.0))

    asked = request(shelf, source, edited, registration=registration, candidates=1)
    (candidate,) = edit(shelf, asked).candidates

    assert np.array_equal(window(shelf.pixels(candidate.image)), window(truth))


def test_regions_are_repaired_together_and_one_by_one() -> None:
    shelf = Shelf()
    regions = (region(shelf), region(shelf, "r2", OTHER))
    flaws = tuple(diagnosis(r.id, FlawType.UNINTENDED_CHANGE, Operation.RESTORE) for r in regions)
    edited = flawed()
    window(edited, OTHER)[:] = 30

    candidates = edit(
        shelf, request(shelf, textured(), edited, regions=regions, flaws=flaws, candidates=8)
    ).candidates

    repaired = [
        {plan.region_id for plan in candidate.plan.regions if plan.operation is not Operation.LEAVE}
        for candidate in candidates
    ]
    assert repaired[0] == {"r1", "r2"}
    assert {"r1"} in repaired


def test_a_region_that_is_no_flaw_is_left_alone() -> None:
    shelf = Shelf()
    flaw = diagnosis("r1", FlawType.BLUR, Operation.LEAVE, is_flaw=False)

    assert edit(shelf, request(shelf, textured(), flawed(), flaws=(flaw,))).candidates == ()


def test_the_parts_of_a_mask_are_regions_largest_first() -> None:
    shelf, picture = Shelf(), flawed()
    mask = np.maximum(marked(picture), marked(picture, OTHER))

    candidates = edit(shelf, request(shelf, textured(), picture, mask=mask), _painter()).candidates

    assert {plan.region_id for plan in candidates[0].plan.regions} == {"m1", "m2"}
    assert (shelf.gray(candidates[0].mask)[mask > 0] > 0).all()


def test_a_hundred_specks_are_gathered_into_few_enough_regions() -> None:
    shelf, picture = Shelf(), flawed()
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[::10, ::10] = 255

    (candidate,) = edit(
        shelf, request(shelf, textured(), picture, mask=mask, candidates=1), _painter()
    ).candidates

    assert len(candidate.plan.regions) <= 64
    assert (shelf.gray(candidate.mask)[mask > 0] > 0).all()


def test_every_checkpoint_can_end_a_run() -> None:
    shelf = Shelf()
    flaws = (diagnosis("r1", FlawType.NOISE, Operation.TOOLS),)
    picture = textured()
    window(picture)[:] ^= np.random.default_rng(2).integers(0, 64, window(picture).shape, np.uint8)
    asked = request(shelf, textured(), picture, flaws=flaws, candidates=4)
    passed = _Countdown(10_000)
    ActionAgent(CompactEditor(), shelf).edit(asked, passed)
    reached = 10_000 - passed.left
    assert reached > 4

    for stop in range(reached):
        with pytest.raises(Stopped):
            ActionAgent(CompactEditor(), shelf).edit(asked, _Countdown(stop))


def test_the_warm_up_runs_the_editor_without_the_store() -> None:
    editor = Adversary(noise_in_the_mask)

    ActionAgent(editor, Shelf()).warm_up()

    assert editor.asked


@pytest.mark.parametrize(
    ("box", "mask", "reason"),
    [
        ((190, 10, 210, 30), None, "leaves the edited picture of 200x150"),
        ((10, 140, 20, 151), None, "leaves the edited picture of 200x150"),
        ((10, 10, 20, 20), np.zeros((10, 10), np.uint8), "marks no pixel"),
    ],
    ids=["right", "below", "empty"],
)
def test_a_region_that_fits_nothing_is_refused_by_name(box, mask, reason: str) -> None:
    shelf = Shelf()

    with pytest.raises(RegionInvalidError, match=reason) as caught:
        edit(shelf, request(shelf, textured(), flawed(), regions=(region(shelf, box=box, mask=mask),)))

    assert caught.value.errors[0].field.startswith("body.regions.0.")


@pytest.mark.parametrize(
    ("mask", "reason"),
    [(np.zeros((150, 200), np.uint8), "marks no pixel"), (np.full((150, 199), 255, np.uint8), "199x150")],
    ids=["empty", "of another size"],
)
def test_a_mask_that_asks_nothing_or_fits_nothing_is_refused(mask: np.ndarray, reason: str) -> None:
    shelf = Shelf()

    with pytest.raises(RegionInvalidError, match=reason):
        edit(shelf, request(shelf, textured(), flawed(), mask=mask))


def test_a_region_mask_that_is_stored_in_another_size_is_refused() -> None:
    shelf = Shelf()
    honest = region(shelf)
    small = shelf.put_pixels(np.full((5, 5), 255, np.uint8))
    lying = honest.model_copy(update={"mask": honest.mask.model_copy(update={"sha256": small.sha256})})

    with pytest.raises(RegionInvalidError, match="5x5"):
        edit(shelf, request(shelf, textured(), flawed(), regions=(lying,)))


def test_an_intended_change_of_another_size_is_refused() -> None:
    shelf = Shelf()
    wrong = change(shelf, np.zeros((9, 9), np.uint8))

    with pytest.raises(RegionInvalidError, match=r"change\.intended_mask is 9x9"):
        edit(shelf, request(shelf, textured(), flawed(), change=wrong))


def test_a_diagnosis_of_an_unknown_region_and_a_region_named_twice_are_refused() -> None:
    shelf = Shelf()
    stray = (diagnosis("r9", FlawType.BLUR, Operation.TOOLS),)

    with pytest.raises(RegionInvalidError, match="'r9' is none of the regions"):
        edit(shelf, request(shelf, textured(), flawed(), flaws=stray))
    with pytest.raises(RegionInvalidError, match="'r1' is used twice"):
        edit(shelf, request(shelf, textured(), flawed(), regions=(region(shelf), region(shelf))))


def _painter() -> Adversary:
    """An editor that only paints anew."""
    return Adversary(noise_in_the_mask, Operation.DIFFUSION, Operation.RESTORE)


class Stopped(Exception):  # noqa: N818 — it is no error
    """The run was ended from outside."""


class _Countdown:
    """A checkpoint that is passed so many times."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self) -> None:
        if self.left == 0:
            raise Stopped
        self.left -= 1
