"""Planted flaws are found, and what was asked for is not called a flaw."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from editrefiner.contracts import ChangeScope, EditKind, FlawKind
from tests.perception import scenes
from tests.perception.asking import Asked, ask

BOX = (250, 40, 330, 110)
PHOTOGRAPHS = {"astronaut": (60, 300, 160, 400), "chelsea": (60, 100, 160, 190), "coffee": (60, 60, 180, 150)}
BORDER = 12  # pixels around a flaw that a repair may take with it
Plant = Callable[[np.ndarray, scenes.Box], np.ndarray]


def assert_found(asked: Asked, flaw: np.ndarray, *, share: float = 0.8) -> None:
    """The mask covers that share of the flaw, and lies on it or its border."""
    around = cv2.dilate(flaw.astype(np.uint8), np.ones((2 * BORDER + 1,) * 2, np.uint8)) > 0
    found = asked.mask > 0
    assert (found & flaw).sum() >= share * flaw.sum()
    assert (found & around).sum() >= 0.9 * found.sum()


def assert_nothing_found(asked: Asked) -> None:
    assert asked.answer.regions == ()
    assert not asked.mask.any()


@pytest.mark.parametrize("instruction", ["Make the ball red", "Remove the cat", "Make it look like winter"])
def test_nothing_is_wrong_with_an_untouched_copy(instruction: str) -> None:
    picture = scenes.still_life()

    asked = ask(picture, picture.copy(), instruction)

    assert_nothing_found(asked)
    assert asked.answer.change.scope is ChangeScope.NONE
    assert asked.answer.change.changed_fraction == 0


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_encoding_anew_is_no_flaw(name: str) -> None:
    picture = scenes.photograph(name)
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None

    assert_nothing_found(ask(picture, decoded, "Make the sky blue"))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize(
    ("instruction", "edit"),
    [
        ("Make the photo warmer", lambda p: p * np.array([1.12, 1.0, 0.82]) + 4),
        ("Brighten the photo", lambda p: 255 * (p / 255) ** 0.7),
        ("Make it black and white", lambda p: np.repeat(p.mean(axis=2, keepdims=True), 3, axis=2)),
    ],
    ids=["warmer", "brighter", "black and white"],
)
def test_a_tone_that_was_asked_for_is_no_flaw(name: str, instruction: str, edit: Callable) -> None:
    picture = scenes.photograph(name)
    edited = np.clip(edit(picture), 0, 255).astype(np.uint8)

    asked = ask(picture, edited, instruction)

    assert_nothing_found(asked)
    assert asked.answer.change.edit_kind is EditKind.GLOBAL
    assert asked.answer.change.scope is ChangeScope.GLOBAL


def test_an_edit_done_well_has_no_flaw_and_is_known_as_the_one_asked_for() -> None:
    asked = ask(scenes.still_life(), scenes.edited_well(), scenes.RECOLOR)

    assert_nothing_found(asked)
    assert asked.answer.change.edit_kind is EditKind.RECOLOR
    assert asked.answer.change.scope is ChangeScope.LOCAL
    intended = asked.intended > 0
    assert (intended & scenes.ball()).sum() > 0.9 * (intended | scenes.ball()).sum()


@pytest.mark.parametrize(
    ("plant", "kind", "share"),
    [
        (scenes.with_blur, FlawKind.ARTIFACT, 0.3),
        (scenes.with_grain, FlawKind.ARTIFACT, 0.8),
        (scenes.with_block, FlawKind.EDITING_FAILURE, 0.8),
        (scenes.with_cast, FlawKind.ARTIFACT, 0.8),
    ],
    ids=["blur", "grain", "block", "cast"],
)
def test_a_flaw_beside_the_edit_is_found_and_the_edit_is_left_alone(
    plant: Plant, kind: FlawKind, share: float
) -> None:
    edited = plant(scenes.edited_well(), BOX)

    asked = ask(scenes.still_life(), edited, scenes.RECOLOR)

    assert_found(asked, scenes.marked(edited, BOX), share=share)
    assert {region.kind for region in asked.answer.regions} == {kind}
    assert not asked.mask[scenes.ball()].any()
    assert asked.intended[scenes.ball()].mean() > 0.9 * 255


def test_another_thing_that_changed_its_colour_is_an_editing_failure() -> None:
    edited = scenes.with_other_bystander(scenes.edited_well())

    asked = ask(scenes.still_life(), edited, scenes.RECOLOR)

    assert_found(asked, scenes.bystander())
    assert [region.kind for region in asked.answer.regions] == [FlawKind.EDITING_FAILURE]
    assert not asked.mask[scenes.ball()].any()


def test_two_flaws_are_two_regions() -> None:
    edited = scenes.with_cast(scenes.with_other_bystander(scenes.edited_well()), BOX)

    asked = ask(scenes.still_life(), edited, scenes.RECOLOR)

    assert len(asked.answer.regions) == 2
    assert_found(asked, scenes.bystander() | scenes.marked(edited, BOX))


@pytest.mark.parametrize("plant", [scenes.with_cast, scenes.with_grain], ids=["cast", "grain"])
@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_flaws_in_photographs_are_found(name: str, plant: Plant) -> None:
    picture = scenes.photograph(name)
    edited = plant(picture, PHOTOGRAPHS[name])

    assert_found(
        ask(picture, edited, "Make the sky blue"), scenes.marked(picture, PHOTOGRAPHS[name]), share=0.6
    )


def test_a_flaw_under_a_tone_that_was_asked_for_is_found() -> None:
    picture = scenes.photograph("coffee")
    box = PHOTOGRAPHS["coffee"]
    edited = np.clip(scenes.with_block(picture, box) * np.array([1.12, 1.0, 0.82]) + 4, 0, 255)

    asked = ask(picture, edited.astype(np.uint8), "Make the photo warmer")

    assert_found(asked, scenes.marked(picture, box), share=0.6)


def test_a_block_on_a_plain_wall_is_found_although_the_source_has_nothing_to_align_on() -> None:
    wall = np.full((240, 320, 3), 150, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, wall.shape, dtype=np.uint8)
    block = scenes.marked(wall, (100, 80, 180, 150))

    asked = ask(wall, np.where(block[..., None], noise, wall), "Brighten the picture")

    assert_found(asked, block)


def test_another_picture_is_not_judged() -> None:
    asked = ask(scenes.photograph("coffee")[:, ::-1], scenes.photograph("coffee"), scenes.RECOLOR)

    assert_nothing_found(asked)
    assert not asked.answer.registration.reliable
    assert not asked.artifact.any()
    assert not asked.failure.any()


def test_where_two_changes_fit_the_words_nearly_as_well_neither_is_called_a_flaw() -> None:
    picture = scenes.photograph("chelsea")
    edited = scenes.with_block(scenes.with_block(picture, (40, 40, 130, 130)), (300, 150, 380, 240))
    flaw = (220, 30, 255, 65)

    asked = ask(picture, scenes.with_block(edited, flaw), "Add a hat")

    assert_found(asked, scenes.marked(picture, flaw))
