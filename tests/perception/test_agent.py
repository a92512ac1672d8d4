"""Maps are absolute, regions lie on them, and the answer hangs together."""

from collections.abc import Callable

import numpy as np
import pytest

from editrefiner.contracts import (
    BackendInfo,
    ChangeScope,
    EditKind,
    PerceiveRequest,
    Registration,
    Thresholds,
    fingerprint,
)
from services.perception.agent import Finding, PerceptionAgent, Sample
from tests.perception import scenes
from tests.perception.asking import Asked, Shelf, ask, detector


class Told:
    """Sees what it was built with, whatever it is shown."""

    backend = BackendInfo(name="told", version="1", digest=fingerprint("told"))
    thresholds = Thresholds(artifact=0.5, editing_failure=0.5)

    def __init__(self, artifact: np.ndarray, failure: np.ndarray, intended: np.ndarray | None = None) -> None:
        self._maps = artifact.astype(np.float32), failure.astype(np.float32)
        self._intended = np.zeros(artifact.shape, bool) if intended is None else intended

    def detect(self, sample: Sample, checkpoint: Callable[[], None]) -> Finding:
        checkpoint()
        return Finding(
            artifact=self._maps[0],
            failure=self._maps[1],
            intended=self._intended,
            changed_fraction=0.0,
            scope=ChangeScope.NONE,
            edit_kind=EditKind.UNKNOWN,
            registration=Registration(),
        )


class StoppedError(Exception):
    """The run is to end."""


@pytest.fixture(scope="module")
def flawed() -> Asked:
    """An edit with three flaws."""
    edited = scenes.with_other_bystander(scenes.edited_well())
    edited = scenes.with_cast(edited, (250, 40, 330, 110))
    edited = scenes.with_block(edited, (20, 20, 70, 60))
    return ask(scenes.still_life(), edited, scenes.RECOLOR)


def told(artifact: np.ndarray, failure: np.ndarray | None = None, *, size: tuple[int, int]) -> Asked:
    picture = np.zeros((*size, 3), np.uint8)
    backend = Told(artifact, np.zeros(artifact.shape) if failure is None else failure)
    return ask(picture, picture, scenes.RECOLOR, backend=backend)


def test_maps_are_stored_on_one_absolute_scale() -> None:
    faint, strong = np.full((60, 80), 0.2), np.full((60, 80), 1.0)

    first, second = (told(values, size=(60, 80)) for values in (faint, strong))

    assert set(np.unique(first.artifact)) == {51}
    assert set(np.unique(second.artifact)) == {255}


def strongest(asked: Asked) -> np.ndarray:
    """(H, W) uint8: the stronger of both maps."""
    return np.maximum(asked.artifact, asked.failure)


def test_a_weaker_flaw_is_never_more_salient() -> None:
    source, worst = scenes.still_life(), scenes.with_cast(scenes.edited_well(), (250, 40, 330, 110))
    weaker = np.rint(0.6 * scenes.edited_well() + 0.4 * worst).astype(np.uint8)

    of_weaker, of_worst = (ask(source, edited, scenes.RECOLOR) for edited in (weaker, worst))

    assert strongest(of_weaker).mean() <= strongest(of_worst).mean()


def test_the_mask_is_the_union_of_the_regions(flawed: Asked) -> None:
    union = np.zeros_like(flawed.mask)
    for region, mask in zip(flawed.answer.regions, flawed.region_masks, strict=True):
        x0, y0, x1, y1 = region.bbox
        assert mask.shape == (y1 - y0, x1 - x0)
        union[y0:y1, x0:x1] |= mask

    assert len(flawed.answer.regions) == 3
    assert np.array_equal(union, flawed.mask)
    assert set(np.unique(flawed.mask)) == {0, 255}


def test_every_region_is_tight_named_and_counted(flawed: Asked) -> None:
    assert [region.id for region in flawed.answer.regions] == ["r1", "r2", "r3"]
    for region, mask in zip(flawed.answer.regions, flawed.region_masks, strict=True):
        assert region.area == np.count_nonzero(mask)
        assert all(mask[edge].any() for edge in (0, -1, (slice(None), 0), (slice(None), -1)))
        assert 0.5 <= region.mean_saliency <= region.peak_saliency <= 1


def test_every_region_holds_pixels_above_its_threshold(flawed: Asked) -> None:
    salient = np.maximum(flawed.artifact, flawed.failure)
    for region, mask in zip(flawed.answer.regions, flawed.region_masks, strict=True):
        x0, y0, x1, y1 = region.bbox
        assert salient[y0:y1, x0:x1][mask > 0].max() >= 0.5 * 255


def test_the_intended_change_is_no_part_of_the_mask(flawed: Asked) -> None:
    assert not (flawed.intended[scenes.ball()] & flawed.mask[scenes.ball()]).any()


def test_no_more_regions_than_asked_for_and_the_most_salient_first(flawed: Asked) -> None:
    edited = scenes.with_cast(scenes.with_other_bystander(scenes.edited_well()), (250, 40, 330, 110))
    every = ask(scenes.still_life(), edited, scenes.RECOLOR)

    one = ask(scenes.still_life(), edited, scenes.RECOLOR, max_regions=1)

    assert [region.bbox for region in one.answer.regions] == [every.answer.regions[0].bbox]
    assert np.count_nonzero(one.mask) == one.answer.regions[0].area


def test_the_same_edit_gets_the_same_answer(flawed: Asked) -> None:
    edited = scenes.with_other_bystander(scenes.edited_well())

    first, second = (ask(scenes.still_life(), edited, scenes.RECOLOR) for _ in range(2))

    assert first.answer == second.answer
    for name in ("artifact", "failure", "mask", "intended"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_maps_smaller_than_the_picture_are_laid_over_all_of_it() -> None:
    artifact = np.zeros((50, 70))
    artifact[10:30, 35:60] = 1.0

    asked = told(artifact, size=(203, 281))

    x0, y0, x1, y1 = asked.answer.regions[0].bbox
    assert asked.artifact.shape == asked.mask.shape == (203, 281)
    assert (x0, y0, x1, y1) == pytest.approx((35 * 4, 10 * 4, 60 * 4, 30 * 4), abs=8)


def test_the_intended_mask_is_black_or_white_at_any_scale() -> None:
    picture = np.zeros((201, 301, 3), np.uint8)
    intended = np.zeros((20, 30), bool)
    intended[5:9, 7:20] = True
    backend = Told(np.zeros((20, 30)), np.zeros((20, 30)), intended)

    asked = ask(picture, picture, scenes.RECOLOR, backend=backend)

    assert set(np.unique(asked.intended)) == {0, 255}


def test_pictures_that_were_not_resolved_are_a_mistake_of_the_caller() -> None:
    request = PerceiveRequest(source=f"sha256:{'ab' * 32}", edited=f"sha256:{'cd' * 32}", instruction="x")

    with pytest.raises(TypeError, match="resolved image reference"):
        PerceptionAgent(detector(), Shelf()).perceive(request)


@pytest.mark.parametrize("passed", range(5))
def test_a_run_that_is_to_end_ends_at_the_next_stage(passed: int) -> None:
    shelf, left = Shelf(), iter(range(passed))

    def checkpoint() -> None:
        if next(left, None) is None:
            raise StoppedError

    request = PerceiveRequest(
        source=shelf.put_pixels(scenes.still_life()),
        edited=shelf.put_pixels(scenes.edited_well()),
        instruction=scenes.RECOLOR,
    )

    with pytest.raises(StoppedError):
        PerceptionAgent(detector(), shelf).perceive(request, checkpoint)


def test_the_warm_up_runs_the_backend_and_keeps_no_picture() -> None:
    shelf = Shelf()

    PerceptionAgent(detector(), shelf).warm_up()

    assert shelf.put_pixels(np.zeros((1, 1, 3), np.uint8)).sha256 == "0" * 64
