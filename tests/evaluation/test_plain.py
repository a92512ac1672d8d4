"""Edits that need no weighing are known for what they are, and no others are."""

import numpy as np
import pytest

from services.evaluation.backends.intent import read_intent
from services.evaluation.backends.look import Look, look
from services.evaluation.backends.plain import blank, untouched
from tests.evaluation import scenes


def seen(source: np.ndarray, edited: np.ndarray) -> Look:
    return look(source, edited, read_intent(scenes.RECOLOR))


@pytest.mark.parametrize("name", ["chelsea", "coffee", "astronaut"])
def test_a_source_that_was_encoded_or_scaled_anew_is_untouched(name: str) -> None:
    source = scenes.photograph(name)

    for copy in (source, scenes.jpeg(source, 95), scenes.half(source)):
        assert untouched(seen(source, copy)) == 1


def test_an_edit_is_touched_however_small_it_is_and_so_is_another_tone() -> None:
    source = scenes.photograph("coffee")
    spot = source.copy()
    spot[100:130, 200:230] = (250, 20, 20)

    for edited in (spot, scenes.warmed(source)):
        assert untouched(seen(source, edited)) == 0


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_plane_of_one_tone_in_the_place_of_a_picture_is_blank(level: int) -> None:
    source = scenes.photograph("coffee")
    plane = np.full_like(source, level)

    assert blank(seen(source, plane))
    assert not blank(seen(plane, plane))
    assert not blank(seen(source, scenes.warmed(source)))
