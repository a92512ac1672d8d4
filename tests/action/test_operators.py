"""Each operator brings a picture closer to the truth that is known, and says when it has nothing to do."""

import cv2
import numpy as np
import pytest
from skimage import data

from editrefiner.contracts import EditResult, FlawType, Operation
from tests.action.scenes import BOX, marked, mean_error, repaired, textured, window

WIDE = (30, 20, 150, 130)  # a requested change that holds the flaw
STRANGER = textured(seed=77)  # a source that shows something else


def photograph() -> np.ndarray:
    """A part of a packaged photograph, 200 by 150 pixels."""
    return np.ascontiguousarray(data.astronaut()[70:220, 130:330])


PICTURES = pytest.mark.parametrize("truth", [textured(), photograph()], ids=["texture", "photograph"])


def tools_of(result: EditResult) -> list[str]:
    """The tool that made each candidate."""
    return [candidate.plan.regions[0].tool_calls[-1].name for candidate in result.candidates]


def erased(picture: np.ndarray) -> np.ndarray:
    """The area smeared over as if what was there had been taken out."""
    edited = picture.copy()
    window(edited)[:] = window(cv2.GaussianBlur(edited, (0, 0), 25))
    return edited


def cast(picture: np.ndarray) -> np.ndarray:
    edited = picture.copy()
    window(edited)[:] = np.clip(window(edited) + np.array([40.0, -5.0, -35.0]), 0, 255).astype(np.uint8)
    return edited


def noisy(picture: np.ndarray) -> np.ndarray:
    edited = picture.copy()
    grain = np.random.default_rng(1).normal(0, 14, window(edited).shape)
    window(edited)[:] = np.clip(window(edited) + grain, 0, 255).astype(np.uint8)
    return edited


def soft(picture: np.ndarray, sigma: float = 1.5) -> np.ndarray:
    edited = picture.copy()
    window(edited)[:] = window(cv2.GaussianBlur(edited, (0, 0), sigma))
    return edited


@PICTURES
def test_restore_brings_an_erased_bystander_back(truth: np.ndarray) -> None:
    edited = erased(truth)

    result, pictures = repaired(truth, edited, FlawType.UNINTENDED_REMOVAL, Operation.RESTORE)

    assert tools_of(result)[0] == "restore"
    assert mean_error(edited, truth) > 10
    assert mean_error(pictures[0], truth) < 0.5


def test_restore_takes_on_the_tone_of_the_edited_picture() -> None:
    source = photograph()
    truth = np.clip(source * np.array([1.1, 1.0, 0.85]) + 4, 0, 255).astype(np.uint8)

    _, pictures = repaired(source, erased(truth), FlawType.UNINTENDED_REMOVAL, Operation.RESTORE)

    assert mean_error(source, truth) > 5
    assert mean_error(pictures[0], truth) < 2


def test_restore_is_as_soft_as_the_edited_picture() -> None:
    source = textured()
    truth = cv2.GaussianBlur(source, (0, 0), 1.0)

    _, pictures = repaired(source, erased(truth), FlawType.UNINTENDED_REMOVAL, Operation.RESTORE)

    assert mean_error(pictures[0], truth) < 0.5 * mean_error(source, truth)


def test_restore_leaves_out_a_source_that_shows_something_else() -> None:
    result, _ = repaired(
        STRANGER, erased(textured()), FlawType.DISTORTED_STRUCTURE, Operation.RESTORE, candidates=8
    )

    assert "restore" not in tools_of(result)


def test_restore_is_not_used_within_the_requested_change() -> None:
    truth = textured()

    result, _ = repaired(
        truth, erased(truth), FlawType.BLUR, Operation.TOOLS, intended=marked(truth, WIDE), candidates=8
    )

    assert "restore" not in tools_of(result)


@PICTURES
def test_harmonize_reduces_a_colour_cast_and_keeps_the_texture(truth: np.ndarray) -> None:
    edited = cast(truth)

    result, pictures = repaired(truth, edited, FlawType.COLOR_CAST, Operation.TOOLS, candidates=1)

    assert tools_of(result) == ["harmonize"]
    assert mean_error(pictures[0], truth) < 0.3 * mean_error(edited, truth)
    inside = window(pictures[0])[..., 1].ravel().astype(float)
    assert np.corrcoef(inside, window(truth)[..., 1].ravel())[0, 1] > 0.95


def test_harmonize_turns_to_the_surroundings_where_the_source_is_no_guide() -> None:
    truth = textured()
    edited = cast(truth)

    result, pictures = repaired(
        STRANGER, edited, FlawType.COLOR_CAST, Operation.TOOLS, intended=marked(truth, WIDE), candidates=1
    )

    assert tools_of(result) == ["harmonize"]
    assert mean_error(pictures[0], truth) < 0.7 * mean_error(edited, truth)


def test_inpaint_removes_a_block_when_the_source_has_nothing_better() -> None:
    truth = np.empty((150, 200, 3), np.uint8)
    truth[:] = (np.arange(200) // 2 + 60).astype(np.uint8)[None, :, None]
    edited = truth.copy()
    window(edited)[:] = np.random.default_rng(1).integers(0, 256, window(edited).shape)

    result, pictures = repaired(STRANGER, edited, FlawType.LEFTOVER, Operation.INPAINT, candidates=2)

    assert tools_of(result) == ["inpaint", "inpaint"]
    assert mean_error(edited, truth) > 50
    assert all(mean_error(picture, truth) < 2 for picture in pictures)


def test_inpaint_continues_a_texture() -> None:
    truth = cv2.cvtColor(data.brick()[100:250, 100:300], cv2.COLOR_GRAY2RGB)
    edited = truth.copy()
    window(edited)[:] = (255, 0, 0)

    _, pictures = repaired(STRANGER, edited, FlawType.LEFTOVER, Operation.INPAINT, candidates=1)

    filled = window(pictures[0]).astype(float)
    assert np.abs(filled[..., 0] - filled[..., 2]).max() <= 2
    assert abs(filled.mean() - window(truth).mean()) < 15
    assert filled.std() > 0.3 * window(truth).std()


@pytest.mark.parametrize("thickness", [1, 2])
def test_a_thin_line_is_closed_by_diffusion(thickness: int) -> None:
    truth = cv2.GaussianBlur(textured(), (0, 0), 2.0)
    line = (60, 70, 140, 70 + thickness)
    edited = truth.copy()
    window(edited, line)[:] = 255

    result, pictures = repaired(
        STRANGER, edited, FlawType.LEFTOVER, Operation.INPAINT, box=line, candidates=1
    )

    assert result.candidates[0].plan.regions[0].tool_calls[-1].parameters == {"method": 2.0}
    assert mean_error(pictures[0], truth, line) < 0.2 * mean_error(edited, truth, line)


@pytest.mark.parametrize("known", [True, False], ids=["by the source", "by the surroundings"])
def test_denoise_takes_noise_off_flat_parts_and_keeps_edges(*, known: bool) -> None:
    truth = np.full((150, 200, 3), 90, np.uint8)
    truth[:, 90:] = 170
    truth = cv2.GaussianBlur(truth, (0, 0), 0.7)
    edited = noisy(truth)

    result, pictures = repaired(
        truth if known else STRANGER,
        edited,
        FlawType.NOISE,
        Operation.TOOLS,
        intended=None if known else marked(truth, WIDE),
        candidates=1,
    )

    assert tools_of(result) == ["denoise"]
    flat = (BOX[0], BOX[1], 84, BOX[3])
    assert window(pictures[0], flat).std() < 0.5 * window(edited, flat).std()
    step = window(pictures[0]).astype(float).mean(axis=(0, 2))
    assert step[95 - BOX[0]] - step[85 - BOX[0]] > 0.9 * (170 - 90)
    assert mean_error(pictures[0], truth) < 0.5 * mean_error(edited, truth)


@PICTURES
@pytest.mark.parametrize("known", [True, False], ids=["by the source", "by the surroundings"])
@pytest.mark.parametrize("sigma", [0.8, 1.5, 2.5])
def test_sharpen_lessens_blur(truth: np.ndarray, known: bool, sigma: float) -> None:
    edited = soft(truth, sigma)

    result, pictures = repaired(
        truth if known else STRANGER,
        edited,
        FlawType.BLUR,
        Operation.TOOLS,
        intended=None if known else marked(truth, WIDE),
        candidates=1,
    )

    assert tools_of(result) == ["sharpen"]
    assert mean_error(pictures[0], truth) < (0.95 if known else 0.99) * mean_error(edited, truth)


@pytest.mark.parametrize("flaw_type", [FlawType.BLUR, FlawType.NOISE, FlawType.COLOR_CAST])
def test_where_nothing_is_wrong_nothing_is_done(flaw_type: FlawType) -> None:
    picture = cv2.GaussianBlur(textured(), (0, 0), 0.8)

    result, _ = repaired(picture, picture.copy(), flaw_type, Operation.TOOLS, candidates=1)

    assert result.candidates == ()
