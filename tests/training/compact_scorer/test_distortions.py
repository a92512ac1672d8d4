"""Distortions that people rated are made again at the levels that they were rated at."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.evaluation import scenes
from training.compact_scorer.distortions import DISTORTIONS, LEVELS, OPINIONS, distorted, opinions

needs_opinions = pytest.mark.skipif(not OPINIONS.exists(), reason="the opinions of TID2013 are not beside")


@pytest.mark.parametrize("name", DISTORTIONS)
@pytest.mark.parametrize("level", [0, 2, 4])
def test_a_distortion_lies_at_its_level_and_is_the_same_for_the_same_seed(name: str, level: int) -> None:
    picture = scenes.half(scenes.photograph("coffee"))

    first, second = (distorted(picture, name, level, np.random.default_rng(3)) for _ in range(2))

    assert cv2.PSNR(first, picture) == pytest.approx(LEVELS[level], abs=0.8)
    assert np.array_equal(first, second)


def test_opinions_are_means_on_0_to_100_of_the_distortions_that_are_made(tmp_path: Path) -> None:
    table = tmp_path / "opinions.csv"
    table.write_text(
        "image_id,reference,distortion,level,mos_1_10\n"
        "I01_08_2,I01,8,2,6.0\nI02_08_2,I02,8,2,4.8\nI01_24_1,I01,24,1,6.0\nI01_01_1,I01,1,1,7.5\n"
    )

    assert opinions(table) == {("blur", 1): pytest.approx(75.0), ("white noise", 0): 100.0}


@needs_opinions
@pytest.mark.parametrize("name", DISTORTIONS)
def test_people_like_a_stronger_distortion_less(name: str) -> None:
    given = [opinions()[name, level] for level in range(len(LEVELS))]

    assert given == sorted(given, reverse=True)
    assert all(0 < value <= 100 for value in given)
