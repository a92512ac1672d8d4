"""The overlay shows a person what the maps and regions say."""

import numpy as np
import pytest

from editrefiner.contracts import FlawKind
from services.perception.overlay import COLORS, MAX_SIDE, Outline, draw_overlay

KINDS = [FlawKind.ARTIFACT, FlawKind.EDITING_FAILURE]


def plain(height: int, width: int, level: int = 128) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def dark(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width), np.uint8)


def box(kind: FlawKind, x0: int, y0: int, x1: int, y1: int, name: str = "r1") -> Outline:
    return Outline(name, kind, (x0, y0, x1, y1), np.full((y1 - y0, x1 - x0), 255, np.uint8))


def distance(picture: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    return np.abs(picture.astype(int) - color).sum(axis=2)


def has(picture: np.ndarray, kind: FlawKind) -> bool:
    """Whether the full colour of a kind is somewhere in the picture."""
    return bool((distance(picture, COLORS[kind]) < 20).any())


@pytest.mark.parametrize("level", [0, 128, 255])
def test_each_map_has_its_own_colour_on_dark_and_on_light_pictures(level: int) -> None:
    artifact, failure = dark(800, 1000), dark(800, 1000)
    artifact[100:200, 100:200] = 255
    failure[100:200, 600:700] = 255

    drawn = draw_overlay(plain(800, 1000, level), artifact, failure, ())

    looks_wrong, not_asked, ground = drawn[150, 150], drawn[150, 650], drawn[600, 500]
    red, blue = 0, 2
    assert int(looks_wrong[red]) > int(looks_wrong[blue]) + 100
    assert int(not_asked[blue]) > int(not_asked[red]) + 80
    assert np.ptp(ground) == 0


def test_the_colour_grows_with_the_saliency_on_one_scale() -> None:
    failure = dark(800, 1000)
    for index, level in enumerate((64, 128, 255)):
        failure[:, 200 * index : 200 * index + 200] = level

    drawn = draw_overlay(plain(800, 1000), dark(800, 1000), failure, ())

    weak, middle, strong, none = (
        distance(drawn[400:401, x : x + 1], drawn[400, 900])[0, 0] for x in (100, 300, 500, 900)
    )
    assert none == 0
    assert weak < middle < strong
    assert middle == pytest.approx(strong * 128 / 255, rel=0.05)


def test_where_both_maps_speak_the_stronger_is_shown() -> None:
    artifact, failure = dark(800, 1000), dark(800, 1000)
    artifact[:] = 120
    failure[:, 500:] = 240

    drawn = draw_overlay(plain(800, 1000), artifact, failure, ())

    assert drawn[400, 200][0] > drawn[400, 200][2]
    assert drawn[400, 800][2] > drawn[400, 800][0]


def test_the_picture_is_dimmed_and_still_there() -> None:
    edited = plain(800, 1000, 0)
    edited[:, 500:] = (255, 0, 0)

    drawn = draw_overlay(edited, dark(800, 1000), dark(800, 1000), ())

    left, right = drawn[400, 250].astype(int), drawn[400, 750].astype(int)
    assert 0 < left.max() < right.max() < 255
    assert right[0] - right[1] < 128


@pytest.mark.parametrize("kind", KINDS)
def test_a_region_is_outlined_in_the_colour_of_its_kind_and_nowhere_else(kind: FlawKind) -> None:
    other = KINDS[1 - KINDS.index(kind)]

    drawn = draw_overlay(plain(800, 1000), dark(800, 1000), dark(800, 1000), [box(kind, 300, 400, 420, 470)])

    assert has(drawn[380:490, 280:440], kind)
    assert not has(drawn[:800], other)
    assert not has(drawn[:300], kind)
    assert np.ptp(drawn[420:450, 340:380]) == 0  # the inside stays to be looked at


def test_labels_do_not_cover_each_other() -> None:
    outlines = [box(FlawKind.ARTIFACT, 300 + n, 300 + n, 340 + n, 330 + n, f"r{n}") for n in range(8)]
    one = draw_overlay(plain(800, 1000), dark(800, 1000), dark(800, 1000), outlines[:1])
    all_eight = draw_overlay(plain(800, 1000), dark(800, 1000), dark(800, 1000), outlines)

    filled = [int((distance(drawn[:800], COLORS[FlawKind.ARTIFACT]) < 6).sum()) for drawn in (one, all_eight)]
    assert filled[1] > 5 * filled[0]


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 100), (100, 1), (64, 64), (13, 1000), (3000, 30), (30, 3000), (2500, 5000)]
)
def test_any_size_is_drawn_within_the_cap_and_large_enough_to_read(size: tuple[int, int]) -> None:
    height, width = size
    whole = box(FlawKind.ARTIFACT, 0, 0, width, height)
    corner = box(FlawKind.EDITING_FAILURE, width - 1, height - 1, width, height, "r2")

    drawn = draw_overlay(plain(height, width), dark(height, width), dark(height, width), [whole, corner])

    assert drawn.dtype == np.uint8
    assert drawn.shape[2] == 3
    assert max(drawn.shape) <= MAX_SIDE
    assert drawn.shape[1] >= 600
    assert has(drawn, FlawKind.ARTIFACT)
    assert has(drawn, FlawKind.EDITING_FAILURE)


def test_a_large_picture_is_not_stretched() -> None:
    drawn = draw_overlay(plain(2500, 5000), dark(2500, 5000), dark(2500, 5000), ())

    assert drawn.shape[1] == MAX_SIDE
    assert 1024 < drawn.shape[0] < 1180


def test_as_many_regions_as_an_answer_may_have_are_drawn() -> None:
    outlines = [
        box(KINDS[n % 2], 40 * (n % 8), 30 * (n // 8), 40 * (n % 8) + 20, 30 * (n // 8) + 15, f"r{n + 1}")
        for n in range(64)
    ]

    assert draw_overlay(plain(240, 320), dark(240, 320), dark(240, 320), outlines).shape[1] == 640


def test_the_inputs_are_left_as_they_are() -> None:
    edited, artifact, failure = plain(700, 900), dark(700, 900), dark(700, 900)
    for array in (edited, artifact, failure):
        array.setflags(write=False)  # as the store gives them out

    draw_overlay(edited, artifact, failure, [box(FlawKind.ARTIFACT, 10, 10, 50, 50)])
