"""Are painted editing failures visible, tight, described and where they may be?"""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from editrefiner.contracts import EditKind, FlawType
from training.flaws.failures import FAILURES
from training.flaws.failures.finishing import tries
from training.flaws.scene import Canvas, Generator, IdealEdit, Painted, Segment

HEIGHT, WIDTH = 180, 240
RIM = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))  # six pixels beyond the mask
EDITING_FAILURES = list(FlawType)[list(FlawType).index(FlawType.MISSING_EDIT) :]
WHOLE_FRAME = FlawType.GLOBAL_DRIFT


def ellipse(x: int, y: int, rx: int, ry: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(mask, (x, y), (rx, ry), 0, 0, 360, 1, -1)
    return mask > 0


def texture(seed: int, mean: tuple[int, int, int]) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((HEIGHT, WIDTH, 3)).astype(np.float32)
    mixed = 25 * cv2.GaussianBlur(noise, (0, 0), 6) * 6 + 18 * cv2.GaussianBlur(noise, (0, 0), 1.2) * 2
    return np.clip(np.array(mean) + mixed, 0, 255).astype(np.uint8)


BALL, LAMP, BOAT = ellipse(60, 120, 26, 30), ellipse(150, 60, 17, 24), ellipse(195, 140, 24, 17)


def street() -> np.ndarray:
    """A textured ground with a lamp, a boat and some wires."""
    picture = texture(1, (110, 120, 100))
    for x in range(10, WIDTH, 22):
        cv2.line(picture, (x, 5), (x + 9, 70), (20, 20, 30), 2)
    picture[LAMP] = texture(2, (200, 180, 60))[LAMP]
    picture[BOAT] = texture(3, (60, 80, 190))[BOAT]
    return picture


def widened(mask: np.ndarray) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


BYSTANDERS = (Segment("lamp", LAMP), Segment("boat", BOAT))


def with_ball(picture: np.ndarray, mean: tuple[int, int, int]) -> np.ndarray:
    return np.where(BALL[..., None], texture(4, mean), picture)


def local(
    kind: EditKind, source: np.ndarray, ideal: np.ndarray, instruction: str, target: str = "ball"
) -> IdealEdit:
    def wrong(_rng: np.random.Generator) -> tuple[np.ndarray, str]:
        return with_ball(source, (40, 200, 60)), "painted green"

    return IdealEdit(source, ideal, instruction, kind, widened(BALL), target, BALL, BYSTANDERS, wrong)


def edits() -> Iterator[IdealEdit]:
    """One edit of every sort that failures tell apart."""
    ground = street()
    red, blue = with_ball(ground, (190, 60, 50)), with_ball(ground, (60, 70, 200))
    recolor = local(EditKind.RECOLOR, red, blue, "Make the ball blue.")
    yield recolor
    yield local(EditKind.ADD, ground, red, "Add a ball.")
    yield local(EditKind.REMOVE, red, ground, "Remove the ball.")
    yield local(EditKind.TEXT, red, np.where(BALL[..., None], texture(8, (90, 90, 90)), red), "Write OPEN.")
    cube = ellipse(60, 125, 16, 20)
    replaced = np.where(cube[..., None], texture(6, (220, 220, 210)), ground)
    yield IdealEdit(
        red,
        replaced,
        "Replace the ball by a stone.",
        EditKind.REPLACE,
        widened(BALL),
        "ball",
        cube,
        BYSTANDERS,
    )
    kept = np.where(widened(BALL)[..., None], red, texture(7, (180, 160, 140)))
    outside = ~BALL
    yield IdealEdit(red, kept, "Put it on sand.", EditKind.BACKGROUND, outside, "background", outside)
    warm = np.clip(red.astype(np.int16) + np.array([25, 5, -30]), 0, 255).astype(np.uint8)
    frame = np.ones((HEIGHT, WIDTH), bool)
    yield IdealEdit(red, warm, "Make it warmer.", EditKind.GLOBAL, frame, "", None, BYSTANDERS)
    dark = np.where(LAMP[..., None], texture(9, (60, 20, 120)), red)
    lamp = IdealEdit(
        red, dark, "Make the lamp violet.", EditKind.RECOLOR, widened(LAMP), "lamp", LAMP, BYSTANDERS[1:]
    )
    both = np.where(LAMP[..., None], dark, blue)
    yield IdealEdit(
        red,
        both,
        "Make the ball blue and the lamp violet.",
        EditKind.UNKNOWN,
        widened(BALL) | widened(LAMP),
        "",
        BALL | LAMP,
        BYSTANDERS[1:],
        None,
        (recolor, lamp),
    )


EDITS = tuple(edits())
OTHER = texture(11, (150, 100, 90))
STRENGTHS = (0.0, 0.5, 1.0)


def canvas_of(edit: IdealEdit) -> Canvas:
    picture = edit.ideal.copy()
    picture.setflags(write=False)
    return Canvas(edit, picture, np.zeros((HEIGHT, WIDTH), bool), OTHER)


def by_name(generator: Generator) -> str:
    return generator.name


def test_every_editing_failure_has_three_generators() -> None:
    counts = {flaw: sum(g.flaw_type == flaw for g in FAILURES) for flaw in EDITING_FAILURES}
    assert min(counts.values()) >= 3, counts


def test_names_are_unique_and_begin_with_the_flaw_type() -> None:
    names = [generator.name for generator in FAILURES]
    assert len(set(names)) == len(names)
    assert all(generator.name.startswith(f"{generator.flaw_type}.") for generator in FAILURES)


@pytest.mark.parametrize("generator", FAILURES, ids=by_name)
def test_a_failure_is_visible_tight_described_and_where_it_may_be(generator: Generator) -> None:
    painted = 0
    for number, edit in enumerate(EDITS):
        canvas = canvas_of(edit)
        for strength in STRENGTHS:
            flaw = generator.paint(canvas, strength, np.random.default_rng([number, int(10 * strength)]))
            if flaw is None:
                continue
            painted += 1
            mask = flaw.mask
            assert flaw.picture.shape == edit.ideal.shape
            assert flaw.picture.dtype == np.uint8
            assert mask.dtype == bool
            assert mask.shape == (HEIGHT, WIDTH)
            change = cv2.absdiff(flaw.picture, edit.ideal)
            assert change[mask].mean() >= 4.0
            beyond = cv2.dilate(mask.astype(np.uint8), RIM) == 0
            assert not change[beyond].any()
            assert not np.array_equal(flaw.picture, edit.source)
            assert len(flaw.description) > 20
            assert 0.003 <= mask.mean() <= 1.0
            frame_wide = edit.intended.all()
            if generator.inside_edit is True:
                assert (mask & ~widened(widened(edit.intended))).mean() < 0.005
            if generator.inside_edit is False and not frame_wide:
                assert not (mask & edit.intended).any()
            if generator.flaw_type == WHOLE_FRAME:
                assert mask.all()
                assert not frame_wide
    assert painted > 0, f"{generator.name} never found a place"


@pytest.mark.parametrize("generator", FAILURES, ids=by_name)
def test_the_same_seed_paints_the_same_failure(generator: Generator) -> None:
    for edit in EDITS:
        one, two = (generator.paint(canvas_of(edit), 0.6, np.random.default_rng(5)) for _ in range(2))
        assert (one is None) == (two is None)
        if one is not None and two is not None:
            assert np.array_equal(one.picture, two.picture)
            assert np.array_equal(one.mask, two.mask)
            assert one.description == two.description


@pytest.mark.parametrize("generator", FAILURES, ids=by_name)
def test_nothing_is_painted_where_everything_is_flawed_already(generator: Generator) -> None:
    taken = np.ones((HEIGHT, WIDTH), bool)
    for edit in EDITS:
        canvas = Canvas(edit, edit.ideal, taken, OTHER)
        assert generator.paint(canvas, 0.5, np.random.default_rng(1)) is None


@pytest.mark.parametrize("generator", FAILURES, ids=by_name)
def test_an_edit_without_bystanders_in_a_flat_picture_is_no_obstacle(generator: Generator) -> None:
    flat = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    red = np.where(BALL[..., None], np.uint8(200), flat)
    edit = IdealEdit(flat, red, "Add a ball.", EditKind.ADD, widened(BALL), "ball", BALL)
    for seed in range(2):
        generator.paint(canvas_of(edit), 0.5, np.random.default_rng(seed))


@pytest.mark.parametrize("generator", FAILURES, ids=by_name)
def test_an_edit_whose_object_was_cut_away_is_no_obstacle(generator: Generator) -> None:
    for number, edit in enumerate(EDITS):
        bare = replace(edit, content=np.zeros((HEIGHT, WIDTH), bool))
        flaw = generator.paint(canvas_of(bare), 0.5, np.random.default_rng(number))
        assert flaw is None or generator.name != "geometry_shift.target_moved"


@pytest.mark.parametrize(("lucky", "found"), [(1, True), (3, True), (4, False)])
def test_a_painter_starts_over_until_it_is_lucky_or_out_of_tries(lucky: int, found: bool) -> None:
    done = []

    @tries(3)
    def paint(canvas: Canvas, _strength: float, _rng: np.random.Generator) -> Painted | None:
        done.append(canvas)
        return Painted(canvas.picture, BALL, "It is there.") if len(done) == lucky else None

    flaw = paint(canvas_of(EDITS[0]), 0.5, np.random.default_rng(0))
    assert (flaw is not None) == found
    assert len(done) == min(lucky, 3)


@pytest.mark.parametrize(
    "generator", [g for g in FAILURES if g.flaw_type == FlawType.MISSING_EDIT], ids=by_name
)
def test_a_missing_edit_still_differs_from_the_source(generator: Generator) -> None:
    for edit in EDITS:
        flaw = generator.paint(canvas_of(edit), 1.0, np.random.default_rng(3))
        if flaw is not None:
            assert cv2.absdiff(flaw.picture, edit.source).max() > 5


def test_a_global_edit_has_no_global_drift() -> None:
    warmer = next(edit for edit in EDITS if edit.kind is EditKind.GLOBAL)
    drifts = [generator for generator in FAILURES if generator.flaw_type == FlawType.GLOBAL_DRIFT]
    assert all(drift.paint(canvas_of(warmer), 1.0, np.random.default_rng(2)) is None for drift in drifts)


def test_a_skipped_part_leaves_the_other_part_as_it_is() -> None:
    compound = EDITS[-1]
    part = next(generator for generator in FAILURES if generator.name == "missing_edit.part")
    flaw = part.paint(canvas_of(compound), 1.0, np.random.default_rng(0))
    assert flaw is not None
    done = [not (flaw.mask & mask).any() for mask in (BALL, LAMP)]
    assert sorted(done) == [False, True]
    untouched = BALL if done[0] else LAMP
    assert np.array_equal(flaw.picture[untouched], compound.ideal[untouched])
