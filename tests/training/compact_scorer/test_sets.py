"""Edits that are rated beside each other belong together and have scores in the right order."""

import numpy as np
import pytest

from editrefiner.contracts import FlawType
from tests.training.flaws.pictures import photographs
from training.compact_scorer.distortions import OPINIONS
from training.compact_scorer.sets import SETS, distortions, edits, strengths
from training.flaws.photos import Photo, folder_photos

needs_opinions = pytest.mark.skipif(not OPINIONS.exists(), reason="the opinions of TID2013 are not beside")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    return folder_photos(photographs(tmp_path_factory.mktemp("photographs")))


def names(found: list) -> list[str]:
    """What was done to each edit."""
    return [rated.name for _, rated in found]


def test_a_flawed_edit_comes_with_its_ideal_one(pool: list[Photo]) -> None:
    found = [list(edits(pool, 5, index)) for index in range(4)]

    for group in found:
        assert names(group)[0] == "flawed"
        if group[0][0].flaws:
            (worse, better) = (rated.scores.overall for _, rated in group[:2])
            assert names(group)[1] == "ideal"
            assert worse < better


def test_one_flaw_rises_on_one_source(pool: list[Photo]) -> None:
    index = tuple(FlawType).index(FlawType.BLUR)

    found = list(strengths(pool, 5, index))

    assert names(found) == ["ideal", "flawed", "flawed", "flawed"]
    assert all(np.array_equal(record.source, found[0][0].source) for record, _ in found)
    assert {flaw.flaw_type for record, _ in found for flaw in record.flaws} == {FlawType.BLUR}
    at = [record.flaws[0].strength for record, _ in found[1:]]
    assert at == sorted(at)


@needs_opinions
def test_a_distortion_is_rated_as_people_did(pool: list[Photo]) -> None:
    (_, clean), *worse = distortions(pool, 5, 0)

    assert clean.scores.perceptual_quality == 100
    for _, rated in worse:
        assert rated.scores.perceptual_quality < 97
        assert rated.damage[0].min() > 0


@needs_opinions
@pytest.mark.parametrize("name", SETS)
def test_a_set_is_the_same_for_the_same_seed(name: str, pool: list[Photo]) -> None:
    first, second = (list(SETS[name](pool, 8, 2)) for _ in range(2))

    assert names(first) == names(second)
    for (_, one), (_, other) in zip(first, second, strict=True):
        assert np.array_equal(one.picture, other.picture)
        assert one.scores == other.scores
