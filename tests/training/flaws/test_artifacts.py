from collections import Counter
from functools import cache

import cv2
import numpy as np
import pytest

from bench.planted import DATA, photos, segments_of
from editrefiner.contracts import EditKind, FlawType
from training.flaws.artifacts import ARTIFACTS
from training.flaws.artifacts.brush import LEAST_CHANGE, RIM
from training.flaws.scene import Canvas, IdealEdit, Segment

TYPES = list(FlawType)[:10]  # the taxonomy lists artifacts first, then failures of the edit


@cache
def _textured(seed, height=240, width=320):
    """Leaves-like texture with two animals on it, and their masks."""
    rng = np.random.default_rng(seed)
    fine = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), 1.3)
    broad = cv2.GaussianBlur(rng.normal(0, 1, (height, width, 3)), (0, 0), 14)
    picture = 120 + 55 * fine / fine.std() + 25 * broad / broad.std()
    masks = []
    for x, y, tone in ((90, 90, (30, -20, -40)), (230, 150, (-40, 10, 40))):
        mask = np.zeros((height, width), np.uint8)
        cv2.ellipse(mask, (x, y), (38, 22), 0, 0, 360, 1, -1)
        for leg in (-26, 22):
            cv2.line(mask, (x + leg, y), (x + leg + 3, y + 48), 1, 9)
        picture += mask[..., None] * np.array(tone)
        masks.append(mask > 0)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    picture.setflags(write=False)
    return picture, tuple(masks)


def _canvas(seed, *, local=True, taken=None, kind=EditKind.ADD):
    picture, (asked, beside) = _textured(seed)
    intended = cv2.dilate(asked.astype(np.uint8), np.ones((7, 7))) > 0 if local else np.ones_like(asked)
    bystanders = (Segment("dog", beside),) if local else (Segment("dog", beside), Segment("area", asked))
    edit = IdealEdit(
        source=picture,
        ideal=picture,
        instruction="Add a horse." if local else "Make the picture warmer.",
        kind=kind if local else EditKind.GLOBAL,
        intended=intended,
        target="the horse" if local else "",
        content=asked if local else None,
        bystanders=bystanders,
    )
    taken = np.zeros_like(asked) if taken is None else taken
    return Canvas(edit, picture, taken, _textured(seed + 50, 200, 180)[0])


def _painted(generator, canvases, strengths=(0.0, 0.5, 1.0)):
    found = []
    for seed, canvas in enumerate(canvases):
        for strength in strengths:
            painted = generator.paint(canvas, strength, np.random.default_rng([seed, int(10 * strength)]))
            if painted is not None:
                found.append((canvas, painted))
    assert found, "no canvas had a place for it"
    return found


def _difference(canvas, painted):
    return np.abs(painted.picture.astype(np.int16) - canvas.picture).mean(axis=2)


def test_every_artifact_type_has_three_generators_with_names_of_their_own():
    assert min(Counter(g.flaw_type for g in ARTIFACTS)[flaw_type] for flaw_type in TYPES) >= 3
    assert {g.flaw_type for g in ARTIFACTS} == set(TYPES)
    assert len({g.name for g in ARTIFACTS}) == len(ARTIFACTS)
    assert all(g.name.startswith(f"{g.flaw_type.value}.") for g in ARTIFACTS)


@pytest.mark.parametrize("generator", ARTIFACTS, ids=lambda g: g.name)
def test_a_flaw_is_visible_in_its_mask_and_nothing_changes_away_from_it(generator):
    for canvas, painted in _painted(generator, [_canvas(1), _canvas(2, local=False)]):
        difference = _difference(canvas, painted)
        near = cv2.dilate(painted.mask.astype(np.uint8), np.ones((2 * RIM + 1,) * 2)) > 0
        assert painted.picture.dtype == np.uint8
        assert painted.picture.shape == canvas.picture.shape
        assert painted.mask.dtype == bool
        assert painted.mask.shape == canvas.taken.shape
        assert difference[painted.mask].mean() >= LEAST_CHANGE
        assert not difference[~near].any()
        assert 0.001 <= painted.mask.mean() < 0.4
        assert painted.thing is None or painted.thing[painted.mask].all()


@pytest.mark.parametrize("generator", ARTIFACTS, ids=lambda g: g.name)
def test_a_flaw_is_described_in_sentences(generator):
    for _, painted in _painted(generator, [_canvas(3), _canvas(4, kind=EditKind.REMOVE)], (0.6,)):
        text = painted.description
        assert text[0].isupper()
        assert text.endswith(".")
        assert not set("{}_") & set(text)
        assert "the the" not in text.lower()
        assert len(text) > 40


@pytest.mark.parametrize("generator", ARTIFACTS, ids=lambda g: g.name)
def test_the_same_seed_paints_the_same_flaw(generator):
    first, second = (
        [painted for _, painted in _painted(generator, [_canvas(5), _canvas(6)], (0.7,))] for _ in range(2)
    )

    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.picture, other.picture)
        assert np.array_equal(one.mask, other.mask)
        assert one.description == other.description


@pytest.mark.parametrize("generator", ARTIFACTS, ids=lambda g: g.name)
def test_a_flaw_hardly_overlaps_what_is_taken(generator):
    taken = np.zeros((240, 320), bool)
    taken[:, :125] = True
    free = ~taken

    for _, painted in _painted(generator, [_canvas(7, taken=taken), _canvas(8, local=False, taken=taken)]):
        assert (painted.mask & free).sum() >= 0.9 * painted.mask.sum()


@pytest.mark.parametrize("flaw_type", TYPES)
def test_flaws_come_inside_the_requested_change_and_beside_it(flaw_type):
    inside = []
    for index, generator in enumerate(g for g in ARTIFACTS if g.flaw_type is flaw_type):
        for seed in range(5):
            canvas = _canvas(seed)
            painted = generator.paint(canvas, 0.8, np.random.default_rng([seed, index]))
            if painted is not None:
                near = cv2.dilate(canvas.edit.intended.astype(np.uint8), np.ones((41, 41))) > 0
                inside.append((painted.mask & near).sum() > 0.5 * painted.mask.sum())

    assert 0.15 < np.mean(inside) < 0.85


@pytest.mark.parametrize("flaw_type", TYPES)
def test_a_gross_flaw_differs_more_than_a_subtle_one(flaw_type):
    def change(strength):
        return np.mean(
            [
                _difference(canvas, painted).sum()
                for generator in ARTIFACTS
                if generator.flaw_type is flaw_type
                for canvas, painted in _painted(
                    generator, [_canvas(s, local=False) for s in (1, 2)], (strength,)
                )
            ]
        )

    assert change(1.0) > 1.2 * change(0.0)


@pytest.mark.parametrize("generator", ARTIFACTS, ids=lambda g: g.name)
def test_a_canvas_without_a_free_place_gets_no_flaw(generator):
    canvas = _canvas(9, taken=np.ones((240, 320), bool))

    assert generator.paint(canvas, 1.0, np.random.default_rng(1)) is None


@pytest.mark.parametrize("generator", ARTIFACTS, ids=lambda g: g.name)
def test_a_tiny_picture_is_no_reason_to_fail(generator):
    picture = np.random.default_rng(0).integers(0, 256, (17, 23, 3), np.uint8)
    mask = np.zeros((17, 23), bool)
    mask[4:12, 5:15] = True
    edit = IdealEdit(
        picture, picture, "Add a dog.", EditKind.ADD, mask, "dog", mask, (Segment("cat", np.roll(mask, 7)),)
    )
    canvas = Canvas(edit, picture, np.zeros((17, 23), bool), picture[:9, :9])

    for seed in range(4):
        painted = generator.paint(canvas, 0.8, np.random.default_rng(seed))
        assert painted is None or painted.picture.shape == picture.shape


@pytest.mark.skipif(not DATA.exists(), reason="photographs are not beside this checkout")
def test_flaws_on_real_photos_stay_in_their_masks():
    for number, photo in enumerate(photos("report")[:2]):
        picture = photo.pixels()
        segments = tuple(Segment(photo.categories.get(k, "area"), m) for k, m in segments_of(photo).items())
        everywhere = np.ones(picture.shape[:2], bool)
        edit = IdealEdit(
            picture, picture, "Brighten the photo.", EditKind.GLOBAL, everywhere, bystanders=segments
        )
        canvas = Canvas(edit, picture, ~everywhere, picture[::-1])
        found = [g.paint(canvas, 0.5, np.random.default_rng([number, i])) for i, g in enumerate(ARTIFACTS)]
        assert sum(painted is not None for painted in found) > 0.8 * len(ARTIFACTS)
        for painted in filter(None, found):
            near = cv2.dilate(painted.mask.astype(np.uint8), np.ones((2 * RIM + 1,) * 2)) > 0
            difference = _difference(canvas, painted)
            assert difference[painted.mask].mean() >= LEAST_CHANGE
            assert not difference[~near].any()
