import cv2
import numpy as np
import pytest

from bench.planted import DATA, FLAWS, Photo, clean_recolor_pair, clean_tone_pair, identity_pair, photos
from bench.planted import planted_pair as plant


@pytest.fixture
def photo(tmp_path):
    """A textured picture with two grey objects, each a segment of its own."""
    rng = np.random.default_rng(1)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (200, 260), np.uint8), (0, 0), 1.2)
    pixels = cv2.merge([texture // 2 + 90, texture // 2 + 60, texture // 2 + 50])
    labels = np.ones((200, 260), np.uint8)
    for label, (x, y) in ((2, (60, 60)), (3, (190, 130))):
        cv2.circle(pixels, (x, y), 22, (80 + 10 * label, 80, 80), -1)
        cv2.circle(labels, (x, y), 22, label, -1)
    cv2.imwrite(str(tmp_path / "photo.png"), pixels)
    cv2.imwrite(str(tmp_path / "labels.png"), labels)
    names = {1: "wall-other-merged", 2: "ball", 3: "cup"}
    return Photo(tmp_path / "photo.png", tmp_path / "labels.png", names)


@pytest.mark.parametrize("flaw", FLAWS)
def test_the_edited_picture_differs_from_the_ideal_where_the_flaw_is_and_hardly_elsewhere(photo, flaw):
    pairs = [pair for seed in range(6) if (pair := plant(photo, flaw, seed))]

    assert pairs
    for pair in pairs:
        difference = np.abs(pair.edited.astype(int) - pair.ideal).mean(axis=2)
        surroundings = cv2.dilate(pair.flaw_mask.astype(np.uint8), np.ones((25, 25))) == 0
        assert difference[pair.flaw_mask].mean() > 3
        assert difference[surroundings].mean() < 0.5


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_never_lies_on_a_recolored_object(photo, flaw):
    pairs = [pair for seed in range(8) if (pair := plant(photo, flaw, seed)) and pair.kind == "recolor"]

    assert all((pair.flaw_mask & pair.intended_mask).sum() < 0.03 * pair.flaw_mask.sum() for pair in pairs)


def test_the_same_seed_gives_the_same_pair(photo):
    first, second = plant(photo, "color_cast", 5), plant(photo, "color_cast", 5)

    assert first is not None
    assert second is not None
    assert first.instruction == second.instruction
    assert np.array_equal(first.edited, second.edited)


def test_a_recolor_instruction_names_the_category(photo):
    pair = clean_recolor_pair(photo, 0)

    assert pair is not None
    assert any(word in pair.instruction for word in ("ball", "cup", "wall"))
    assert pair.flaw is None
    assert not pair.flaw_mask.any()


def test_identity_and_tone_pairs_have_no_flaw(photo):
    identity, tone = identity_pair(photo, 0), clean_tone_pair(photo, 0)

    assert np.abs(identity.edited.astype(int) - identity.source).mean() < 3
    assert np.abs(tone.edited.astype(int) - tone.source).mean() > 5
    assert not identity.flaw_mask.any()
    assert not tone.flaw_mask.any()


@pytest.mark.skipif(not DATA.exists(), reason=f"the photographs are not at {DATA}")
def test_the_report_photographs_are_none_of_the_tuning_ones():
    dev = {photo.path for photo in photos("dev", labelled=False)}
    report = {photo.path for photo in photos("report", labelled=False)}

    assert dev
    assert report
    assert dev.isdisjoint(report)
    assert all(photo.labels_path for photo in photos("report"))
