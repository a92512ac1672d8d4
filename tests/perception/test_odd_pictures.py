"""Pictures that no editor usually makes are answered like any other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.perception.agent import ImagesMismatchedError
from tests.perception import scenes
from tests.perception.asking import Asked, ask

SIZES = [
    (1, 1),
    (2, 1),
    (1, 100),
    (3, 3),
    (5, 7),
    (9, 16),
    (16, 9),
    (13, 17),
    (10, 1000),
    (1000, 10),
    (31, 3000),
]


def noise(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def plain(height: int, width: int, level: int) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def assert_covers_the_frame(asked: Asked, edited: np.ndarray) -> None:
    for picture in (asked.artifact, asked.failure, asked.mask, asked.intended):
        assert picture.shape == edited.shape[:2]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def test_any_size_is_answered(size: tuple[int, int]) -> None:
    for source, edited in [
        (noise(*size, 0), noise(*size, 1)),
        (noise(*size, 0), plain(*size, 90)),
        (plain(*size, 90), noise(*size, 0)),
        (plain(*size, 0), plain(*size, 255)),
    ]:
        assert_covers_the_frame(ask(source, edited, scenes.RECOLOR), edited)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def test_an_untouched_copy_of_any_size_has_no_flaw(size: tuple[int, int]) -> None:
    picture = noise(*size, 0)

    asked = ask(picture, picture.copy(), scenes.RECOLOR)

    assert asked.answer.regions == ()
    assert asked.answer.registration.reliable


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    zoom=st.sampled_from([1, 2, 3]),
    instruction=st.sampled_from(
        ["Make the ball red", "Remove the cat", "Add a hat", "Brighten it", "Fill the hole"]
    ),
    plain_source=st.booleans(),
)
def test_any_small_pair_of_one_frame_is_answered(
    height: int, width: int, zoom: int, instruction: str, plain_source: bool
) -> None:
    edited = noise(height, width, 1)
    source = (
        plain(height * zoom, width * zoom, 128) if plain_source else noise(height * zoom, width * zoom, 0)
    )

    assert_covers_the_frame(ask(source, edited, instruction), edited)


@pytest.mark.parametrize("shape", [(401, 599), (400, 608), (200, 300), (1600, 2400)])
def test_source_and_edit_may_differ_in_size_and_a_little_in_shape(shape: tuple[int, int]) -> None:
    source = scenes.photograph("coffee")
    rows = np.linspace(0, source.shape[0] - 1, shape[0]).round().astype(int)
    columns = np.linspace(0, source.shape[1] - 1, shape[1]).round().astype(int)
    edited = source[rows][:, columns]

    asked = ask(source, edited, "Make it look like winter")

    assert_covers_the_frame(asked, edited)
    assert asked.answer.registration.reliable


@pytest.mark.parametrize(
    ("source", "edited"), [((400, 600), (300, 600)), ((400, 400), (400, 430)), ((1, 9), (9, 1))]
)
def test_pictures_of_two_frames_are_refused_with_both_sizes(
    source: tuple[int, int], edited: tuple[int, int]
) -> None:
    with pytest.raises(ImagesMismatchedError) as caught:
        ask(noise(*source, 0), noise(*edited, 0), scenes.RECOLOR)

    assert f"{source[1]}x{source[0]}" in caught.value.detail
    assert f"{edited[1]}x{edited[0]}" in caught.value.detail


def test_gray_pictures_are_answered_like_coloured_ones() -> None:
    gray = np.repeat(scenes.still_life().mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    box = (250, 40, 330, 110)

    asked = ask(gray, scenes.with_block(gray, box), "Make the sky blue")

    assert (asked.mask > 0)[scenes.marked(gray, box)].mean() > 0.6


def test_a_coloured_source_of_a_gray_edit_is_answered() -> None:
    source = scenes.still_life()
    edited = np.repeat(source.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)

    assert_covers_the_frame(ask(source, edited, scenes.RECOLOR), edited)


@pytest.mark.parametrize("instruction", ["x", "🙂", "把球变成红色", "a" * 4000, "'a' to 'b'", "\\b(?:"])
def test_any_words_are_answered(instruction: str) -> None:
    picture = scenes.still_life()[:120, :160]

    assert ask(picture, picture.copy(), instruction).answer.regions == ()
