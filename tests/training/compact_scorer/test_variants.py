"""The edits that are shown beside a flawed one are what they say they are, and score accordingly."""

import cv2
import numpy as np
import pytest

from tests.training.flaws.pictures import photographs
from training.compact_scorer.variants import (
    FOREIGN,
    LEAST_UNDONE,
    Rated,
    flawed,
    foreign,
    hidden,
    ideal,
    identity,
    undone,
    variants,
)
from training.flaws.lab import distance
from training.flaws.photos import folder_photos
from training.flaws.record import FlawRecord
from training.flaws.scores import UNCHANGED
from training.flaws.stream import FlawStream

COUNT = 8


def random(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[FlawRecord]:
    pool = folder_photos(photographs(tmp_path_factory.mktemp("photographs")))
    stream = FlawStream(pool, seed=11, flawless=0.1)
    return [stream.record(index) for index in range(COUNT)]


@pytest.fixture(scope="module")
def edited(records: list[FlawRecord]) -> list[FlawRecord]:
    """Those of which something was asked and done."""
    return [record for record in records if record.edit != "identity" and record.flaws]


def sharpness(picture: np.ndarray, mask: np.ndarray) -> float:
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.abs(cv2.Laplacian(gray, cv2.CV_32F))[mask].mean())


def made(maker, record: FlawRecord, seed: int = 5) -> Rated | None:
    return maker(record, record.source, random(seed))


def test_there_is_enough_to_test_on(edited: list[FlawRecord]) -> None:
    assert len(edited) >= 4
    assert any(made(undone, record) for record in edited)


def test_an_undone_edit_shows_the_source_where_it_was_taken_back(edited: list[FlawRecord]) -> None:
    seen = 0
    for record in edited:
        for seed in range(4):  # the whole request and half of it
            if (found := made(undone, record, seed)) is None:
                continue
            apart = np.abs(found.picture.astype(int) - record.source).max(axis=2)
            taken = np.abs(found.picture.astype(int) - record.edited).max(axis=2) > 0
            # The seam of the pasted piece is soft, so a rim of it is neither.
            inner = cv2.erode((found.damage[1] > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
            inner &= cv2.erode(record.intended.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
            inner &= cv2.erode(taken.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            if inner.any():
                assert np.median(apart[inner]) <= 1
                seen += 1
    assert seen >= 4


def test_an_undone_edit_follows_the_instruction_worse_than_the_ideal_one(edited: list[FlawRecord]) -> None:
    for record in edited:
        if (found := made(undone, record)) is None:
            continue
        best = made(ideal, record)
        assert best is not None
        assert found.scores.instruction_following < best.scores.instruction_following
        assert found.scores.overall < best.scores.overall


def test_nothing_is_taken_back_where_nothing_was_done(edited: list[FlawRecord]) -> None:
    record = edited[0]
    untouched = FlawRecord(**{**fields_of(record), "edited": record.source})

    assert distance(untouched.source, untouched.edited).mean() < LEAST_UNDONE
    assert made(undone, untouched) is None


def test_what_is_hidden_is_blurrier_and_scores_no_better_than_the_flawed_edit(
    records: list[FlawRecord],
) -> None:
    for record in records:
        found, before = made(hidden, record), made(flawed, record)
        assert found is not None
        assert before is not None
        changed = np.abs(found.picture.astype(int) - record.edited).max(axis=2) > 0
        assert sharpness(found.picture, changed) < sharpness(record.edited, changed)
        assert found.scores.overall <= before.scores.overall
        assert found.scores.perceptual_quality <= before.scores.perceptual_quality


def test_the_ideal_edit_beats_the_flawed_one_in_every_score(edited: list[FlawRecord]) -> None:
    for record in edited:
        best, worse = made(ideal, record), made(flawed, record)
        assert best is not None
        assert worse is not None
        assert best.scores.overall > worse.scores.overall
        assert best.scores.perceptual_quality > worse.scores.perceptual_quality
        assert best.scores.visual_consistency > worse.scores.visual_consistency
        assert not best.damage.any()
        assert worse.damage.any()


def test_another_photograph_has_next_to_no_consistency_and_follows_nothing(
    records: list[FlawRecord],
) -> None:
    record = records[0]
    other = random().integers(0, 256, record.edited.shape).astype(np.uint8)

    found = foreign(record, other, random())

    assert found is not None
    assert found.scores == FOREIGN
    assert found.scores.visual_consistency <= 5
    assert found.scores.instruction_following <= 5
    assert np.array_equal(found.picture, other)
    assert foreign(record, other[:-1], random()) is None


def test_an_edit_that_was_not_made_follows_no_instruction_but_keeps_everything(
    records: list[FlawRecord],
) -> None:
    for record in records:
        found = made(identity, record)
        assert found is not None
        assert found.scores.instruction_following <= UNCHANGED
        assert found.scores.visual_consistency == 100
        assert distance(found.picture, record.source).mean() < LEAST_UNDONE


def test_pictures_and_damage_have_one_shape_and_range(records: list[FlawRecord]) -> None:
    for record in records:
        for found in variants(record, record.source, random()):
            assert found.picture.shape == record.edited.shape
            assert found.picture.dtype == np.uint8
            assert found.damage.shape == (3, *record.edited.shape[:2])
            assert found.damage.min() >= 0
            assert found.damage.max() <= 1


def test_the_same_seed_makes_the_same_edits(records: list[FlawRecord]) -> None:
    for record in records[:3]:
        first, second = (list(variants(record, record.source, random(9))) for _ in range(2))
        assert [one.name for one in first] == [one.name for one in second]
        for one, other in zip(first, second, strict=True):
            assert np.array_equal(one.picture, other.picture)
            assert np.array_equal(one.damage, other.damage)
            assert one.scores == other.scores


def test_the_flawed_edit_comes_first_and_the_ideal_one_where_it_differs(records: list[FlawRecord]) -> None:
    for record in records:
        names = [one.name for one in variants(record, record.source, random())]

        assert names[0] == "flawed"
        assert ("ideal" in names) == bool(record.flaws)


def fields_of(record: FlawRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
