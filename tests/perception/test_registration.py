"""An edit that moved or changed its size is laid back on its source."""

import cv2
import numpy as np
import pytest

from editrefiner.contracts import Registration
from tests.perception import scenes
from tests.perception.asking import ask

SCENES = ("chelsea", "coffee")


def displacement(registration: Registration, truth: np.ndarray, shape: tuple[int, ...]) -> float:
    """Source pixels between where a corner of the edit is said to come from and where it does."""
    height, width = shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    return float(np.abs(corners @ (np.reshape(registration.matrix, (2, 3)) - truth).T).max())


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize(
    "truth",
    [
        [[1, 0, 4], [0, 1, -3]],
        [[1, 0, 1.5], [0, 1, 0.5]],
        [[1, 0, 25], [0, 1, -18]],
        [[1.03, 0, -5], [0, 1.03, -4]],
        [[0.9998, -0.02, 3], [0.02, 0.9998, -4]],
    ],
    ids=["shift", "part of a pixel", "large shift", "zoom", "turn"],
)
def test_a_moved_copy_is_registered_and_has_no_flaw(name: str, truth: list[list[float]]) -> None:
    source = scenes.photograph(name)
    matrix = np.array(truth, float)
    size = source.shape[1], source.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    edited = cv2.warpAffine(source, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)

    asked = ask(source, edited, scenes.RECOLOR)

    assert asked.answer.registration.reliable
    assert displacement(asked.answer.registration, matrix, edited.shape) < 0.5
    assert asked.answer.regions == ()


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("scale", [0.5, 1.25, 2.0])
def test_a_copy_of_another_size_is_registered_and_has_no_flaw(name: str, scale: float) -> None:
    source = scenes.photograph(name)
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    edited = cv2.resize(source, None, fx=scale, fy=scale, interpolation=mode)
    back = 1 / scale
    truth = np.array([[back, 0, (back - 1) / 2], [0, back, (back - 1) / 2]])

    asked = ask(source, edited, scenes.RECOLOR)

    assert asked.answer.registration.reliable
    assert displacement(asked.answer.registration, truth, edited.shape) < 0.5 * max(1, back)
    assert asked.answer.regions == ()


def test_a_flaw_in_a_shifted_edit_is_found_where_it_lies_in_the_edit() -> None:
    shifted = np.roll(scenes.edited_well(), (5, 8), (0, 1))
    bystander = np.roll(scenes.bystander(), (5, 8), (0, 1))
    shifted[bystander] = shifted[bystander][:, [2, 0, 1]]

    asked = ask(scenes.still_life(), shifted, scenes.RECOLOR)

    found = asked.mask > 0
    assert (found & bystander).sum() > 0.8 * bystander.sum()
    assert displacement(asked.answer.registration, np.array([[1, 0, -8], [0, 1, -5]]), shifted.shape) < 0.5


def test_the_light_that_changed_everywhere_is_measured() -> None:
    source = scenes.still_life()
    edited = np.rint(np.clip(source * np.array([1.1, 1.0, 0.85]) + 5, 0, 255)).astype(np.uint8)

    registration = ask(source, edited, "Make the photo warmer").answer.registration

    assert registration.gain == pytest.approx((1.1, 1.0, 0.85), abs=0.03)
    assert registration.offset == pytest.approx((5, 5, 5), abs=3)
    assert registration.residual < 2


def test_pictures_that_share_nothing_get_the_identity_and_are_called_unreliable() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, 90, 120, 3), dtype=np.uint8)

    registration = ask(first, second, scenes.RECOLOR).answer.registration

    assert registration == Registration(reliable=False)
