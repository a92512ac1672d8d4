"""The compact scorer rewards what was asked for and takes points for everything else."""

import cv2
import numpy as np
import pytest

from tests.evaluation import scenes
from tests.evaluation.asking import ranking, scored

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee")
ABOUT_A_THING = (
    scenes.RECOLOR,
    "Remove the ball",
    "Add a hat",
    "Replace the ball with a cube",
    "Change the background to a beach",
    "Make it wooden",
)
ABOUT_ALL = (scenes.WARMER, "Denoise the photo")


@pytest.mark.parametrize("kind", scenes.DAMAGES)
@pytest.mark.parametrize("box", scenes.AWAY)
def test_damage_anywhere_outside_the_intended_edit_lowers_the_score(kind: str, box: scenes.Box) -> None:
    good = scenes.reddened()

    clean, damaged = ranking(
        scenes.still_life(), [good, scenes.damaged(good, kind, box)], scenes.RECOLOR
    ).scores

    assert clean.overall - damaged.overall > clean.decision_margin
    assert damaged.visual_consistency < clean.visual_consistency


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("kind", ["blur", "noise", "block", "hole"])
def test_damage_in_a_picture_of_another_tone_lowers_the_score(name: str, kind: str) -> None:
    source = scenes.half(scenes.photograph(name))
    good = scenes.warmed(source)

    clean, damaged = ranking(
        source, [good, scenes.damaged(good, kind, (60, 40, 120, 100))], scenes.WARMER
    ).scores

    assert clean.overall - damaged.overall > clean.decision_margin


def test_more_damage_costs_more() -> None:
    good = scenes.reddened()
    once = scenes.damaged(good, "block", scenes.AWAY[0])
    twice = scenes.damaged(once, "block", scenes.AWAY[1])

    assert ranking(scenes.still_life(), [twice, good, once], scenes.RECOLOR).order == (1, 2, 0)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_an_untouched_picture_is_consistent_and_does_not_follow(name: str) -> None:
    source = scenes.photograph(name)

    scores = scored(source, source.copy(), "Make the sky pink")

    assert scores.visual_consistency > 99
    assert scores.perceptual_quality > 99
    assert scores.instruction_following < 10


@pytest.mark.parametrize(
    "instruction", [scenes.RECOLOR, scenes.WARMER, "Remove the ball", "Denoise the photo"]
)
def test_encoding_a_picture_anew_follows_no_instruction(instruction: str) -> None:
    source = scenes.photograph("coffee")

    scores = scored(source, scenes.jpeg(source, 92), instruction)

    assert scores.instruction_following < 10
    assert scores.visual_consistency > 95


@pytest.mark.parametrize("instruction", [*ABOUT_A_THING, *ABOUT_ALL])
@pytest.mark.parametrize("other", ["cat", "gray"])
def test_another_picture_altogether_is_not_consistent(instruction: str, other: str) -> None:
    source = scenes.half(scenes.photograph("coffee"))
    picture = scenes.half(scenes.photograph("chelsea")) if other == "cat" else np.full_like(source, 128)

    assert scored(source, picture, instruction).visual_consistency < 60


def test_the_whole_edit_beats_half_of_it_and_that_beats_none() -> None:
    source = scenes.still_life()

    answer = ranking(source, [scenes.reddened(0.5), source, scenes.reddened()], scenes.RECOLOR)

    assert answer.order == (2, 0, 1)


def test_the_colour_asked_for_beats_another() -> None:
    good = scenes.reddened()
    green = np.where(scenes.ball()[..., None], good[..., [1, 0, 2]], good)

    right, wrong = ranking(scenes.still_life(), [good, green], scenes.RECOLOR).scores

    assert right.instruction_following > wrong.instruction_following
    assert right.overall > wrong.overall


def test_a_tone_the_other_way_does_not_follow() -> None:
    source = scenes.photograph("astronaut")
    colder = np.clip(source * np.array([0.82, 1.0, 1.12]), 0, 255).astype(np.uint8)

    right, wrong = ranking(source, [scenes.warmed(source), colder], scenes.WARMER).scores

    assert right.instruction_following > wrong.instruction_following + 20


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_copy_that_another_program_kept_is_not_told_from_the_edit(name: str) -> None:
    source = scenes.photograph(name)
    good = scenes.jpeg(scenes.warmed(source), 95)
    height, width = source.shape[:2]
    rescaled = cv2.resize(good, (round(width * 0.99), round(height * 0.99)), interpolation=cv2.INTER_CUBIC)

    first, other, third = ranking(source, [good, scenes.jpeg(good, 95), rescaled], scenes.WARMER).scores

    assert abs(first.overall - other.overall) < 2 * first.decision_margin
    assert abs(first.overall - third.overall) < 2 * first.decision_margin


def test_the_same_question_has_the_same_answer() -> None:
    edited = scenes.damaged(scenes.reddened(), "noise", scenes.AWAY[1])

    answers = [scored(scenes.still_life(), edited, scenes.RECOLOR) for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]


def test_an_edit_is_scored_alike_alone_and_among_others() -> None:
    source, good = scenes.still_life(), scenes.reddened()
    others = [scenes.damaged(good, kind, scenes.AWAY[0]) for kind in ("blur", "hole")]

    assert ranking(source, [*others, good], scenes.RECOLOR).scores[2] == scored(source, good, scenes.RECOLOR)


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (5, 480), (700, 9), (64, 64), (333, 217)])
@pytest.mark.parametrize("source_shape", [(1, 1), (120, 160)])
def test_pictures_of_any_two_sizes_are_scored(shape: tuple[int, int], source_shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    source = rng.integers(0, 256, (*source_shape, 3), np.uint8)
    edited = rng.integers(0, 256, (*shape, 3), np.uint8)

    scores = scored(source, edited, scenes.RECOLOR)

    assert 0 <= scores.overall <= 100


def test_a_larger_source_is_the_same_source() -> None:
    source = scenes.photograph("chelsea")

    scores = scored(source, scenes.half(source), scenes.RECOLOR)

    assert scores.visual_consistency > 95
    assert scores.instruction_following < 10


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_picture_is_scored(level: int) -> None:
    flat = np.full((80, 100, 3), level, np.uint8)

    scores = scored(flat, flat.copy(), scenes.RECOLOR)

    assert scores.visual_consistency > 99
    assert scores.instruction_following < 10


def test_a_gray_picture_is_scored() -> None:
    level = scenes.still_life().mean(axis=2, keepdims=True)
    gray = np.repeat(level, 3, axis=2).astype(np.uint8)
    tinted = np.where(scenes.ball()[..., None], scenes.reddened(), gray)

    none, good = ranking(gray, [gray, tinted], scenes.RECOLOR).scores

    assert none.visual_consistency > 99
    assert good.overall > none.overall
