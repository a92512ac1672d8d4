"""Pictures are laid on each other where and how they belong, and what does not fit is seen."""

import cv2
import numpy as np
import pytest

from services.action import alignment, tone
from services.action.composite import Canvas, blend_weights
from services.action.returned import checked, settled
from services.action.tone import Tone
from tests.action.scenes import BOX, marked, textured, window

RING = marked(textured()) == 0
EVERYWHERE = np.ones((150, 200), bool)


def warped(picture: np.ndarray, dx: float, dy: float) -> np.ndarray:
    matrix = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
    return cv2.warpAffine(picture, matrix, (200, 150), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize(("dx", "dy"), [(3.0, -2.0), (0.5, 0.25), (-1.5, 4.0)])
def test_a_shift_is_measured_to_a_fraction_of_a_pixel(dx: float, dy: float) -> None:
    picture = cv2.GaussianBlur(textured(), (0, 0), 1.0)

    matrix = alignment.measure(picture, warped(picture, dx, dy), RING)

    assert matrix is not None
    assert np.abs(matrix @ [100, 75, 1] - [100 + dx, 75 + dy]).max() < 0.25


def test_nothing_is_measured_on_flat_pictures_or_on_a_handful_of_pixels() -> None:
    flat, few = np.full((150, 200, 3), 90, np.uint8), np.zeros((150, 200), bool)
    few[:5, :5] = True

    assert alignment.measure(flat, flat, EVERYWHERE) is None
    assert alignment.measure(textured(), textured(), few) is None


def test_a_whole_pixel_map_copies_and_knows_where_the_source_ends() -> None:
    picture = textured()
    shift = np.array([[1.0, 0.0, 150.0], [0.0, 1.0, 3.0]])

    inside, covered = alignment.sample(picture, shift, (5, 10, 45, 40))
    _, beyond = alignment.sample(picture, shift, (20, 10, 80, 40))

    assert covered.all()
    assert np.array_equal(inside, picture[13:43, 155:195])
    assert np.array_equal(beyond[0], np.arange(20, 80) + 150 < 200)


def test_frames_of_two_sizes_lie_upon_each_other_at_their_corners() -> None:
    matrix = alignment.frame_map(None, (200, 150), (400, 300))

    assert np.allclose(matrix @ [-0.5, -0.5, 1], [-0.5, -0.5])
    assert np.allclose(matrix @ [199.5, 149.5, 1], [399.5, 299.5])


def test_a_tone_is_found_though_a_third_of_the_samples_show_something_else() -> None:
    given = textured().reshape(-1, 3)
    gain = np.array([1.1, 0.95, 0.85])
    wanted = given * gain + 5
    wanted[: len(wanted) // 3] = 255 - wanted[: len(wanted) // 3]

    found = tone.fit(given, np.clip(wanted, 0, 255), Tone.identity())

    probe = np.array([[60, 90, 120], [150, 140, 100]], np.uint8)
    assert np.abs(found.applied(probe) - (probe * gain + 5)).max() < 4


def test_too_few_samples_leave_the_prior() -> None:
    prior = Tone.affine((1.2, 1.0, 1.0), (0.0, 0.0, 0.0))

    assert tone.fit(np.zeros((10, 3), np.uint8), np.full((10, 3), 200.0), prior) is prior


def test_an_answer_that_slipped_is_moved_back_and_its_repair_with_it() -> None:
    picture = cv2.GaussianBlur(textured(), (0, 0), 1.0)
    wished = picture.copy()
    window(wished)[:] = (200, 60, 60)

    laid = settled(warped(wished, 3.0, -2.0), picture, RING)

    core = (BOX[0] + 4, BOX[1] + 4, BOX[2] - 4, BOX[3] - 4)
    assert np.abs(window(laid.pixels, core).astype(int) - [200, 60, 60]).max() <= 6
    assert np.hypot(*laid.shift_px) < 0.2
    assert abs(laid.scale - 1) < 0.01


def test_an_answer_in_another_size_of_the_same_shape_is_brought_back() -> None:
    picture = cv2.GaussianBlur(textured(), (0, 0), 1.0)

    back = checked(picture.repeat(2, 0).repeat(2, 1), picture)

    assert np.array_equal(back, picture)


def test_weights_are_full_on_the_mask_and_its_margin_and_end_after_the_feather() -> None:
    mask = marked(textured())
    row = blend_weights(mask, 2.0, 4.0)[74, BOX[2] - 1 :]

    assert (row[:3] == 255).all()
    assert (np.diff(row.astype(int))[3:7] < 0).all()
    assert (row[7:] == 0).all()


def test_the_report_sees_a_pixel_that_went_astray() -> None:
    picture = textured()
    canvas = Canvas(picture)
    canvas.lay((0, 0, 200, 150), 255 - picture, marked(picture))
    assert canvas.protection((0.0, 0.0), 1.0).holds

    canvas.pixels[0, 0, 1] ^= 16
    report = canvas.protection((0.0, 0.0), 1.0)

    assert not report.holds
    assert report.max_difference_outside == 16
    assert report.mean_difference_outside > 0
