"""The compact diagnostician names what was done to a picture, from what it measures."""

import cv2
import numpy as np
import pytest

from editrefiner.contracts import FlawKind, FlawType, Operation, Registration
from editrefiner.regions import MarkedRegion
from services.reasoning.agent import Sample
from services.reasoning.backends.compact import CompactDiagnostician

BOX = (60, 50, 130, 110)
MASK = np.ones((60, 70), bool)
INSTRUCTION = "Make the sky pink"


def textured(seed: int = 3) -> np.ndarray:
    """A colourful picture with shapes and fine detail, (192, 256, 3)."""
    rng = np.random.default_rng(seed)
    canvas = np.full((192, 256, 3), 120, np.uint8)
    for _ in range(60):
        centre = tuple(int(value) for value in rng.integers((0, 0), (256, 192)))
        color = tuple(int(value) for value in rng.integers(40, 215, 3))
        cv2.circle(canvas, centre, int(rng.integers(6, 30)), color, -1, cv2.LINE_AA)
    grain = rng.normal(0, 9, canvas.shape[:2])[..., None]
    return np.clip(canvas + grain, 0, 255).astype(np.uint8)


def window(picture: np.ndarray) -> np.ndarray:
    """The pixels of BOX, as a view."""
    return picture[BOX[1] : BOX[3], BOX[0] : BOX[2]]


def diagnose(source: np.ndarray, edited: np.ndarray, intended: np.ndarray | None = None, **relation):
    """The one diagnosis of BOX."""
    sample = Sample(source, edited, INSTRUCTION, Registration(**relation), intended)
    target = MarkedRegion("r1", FlawKind.ARTIFACT, BOX, np.where(MASK, np.uint8(255), np.uint8(0)), 1.0)
    findings = CompactDiagnostician().diagnose(sample, [target], lambda: None)
    return findings.flaws[0], findings.summary


def blurred(picture: np.ndarray) -> np.ndarray:
    edited = picture.copy()
    window(edited)[:] = cv2.GaussianBlur(edited, (0, 0), 2.0)[BOX[1] : BOX[3], BOX[0] : BOX[2]]
    return edited


def test_an_unchanged_region_is_no_flaw() -> None:
    picture = textured()

    flaw, summary = diagnose(picture, picture.copy())

    assert not flaw.is_flaw
    assert flaw.suggested_operation is Operation.LEAVE
    assert summary.startswith("No flaw")


def test_a_region_that_was_only_encoded_anew_is_no_flaw() -> None:
    picture = cv2.GaussianBlur(textured(), (0, 0), 1.0)
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1]

    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None

    flaw, _ = diagnose(picture, decoded)

    assert not flaw.is_flaw


def test_lost_detail_is_called_blur() -> None:
    picture = textured()

    flaw, summary = diagnose(picture, blurred(picture))

    assert flaw.flaw_type is FlawType.BLUR
    assert flaw.suggested_operation is Operation.RESTORE
    assert "of its fine detail is gone" in flaw.explanation
    assert summary.startswith("One flaw: a blurred patch ")


def test_added_grain_is_called_noise() -> None:
    picture = cv2.GaussianBlur(textured(), (0, 0), 1.2)
    edited = picture.copy()
    grain = np.random.default_rng(1).normal(0, 14, (60, 70, 1))
    window(edited)[:] = np.clip(window(edited) + grain, 0, 255).astype(np.uint8)

    flaw, _ = diagnose(picture, edited)

    assert flaw.flaw_type is FlawType.NOISE


def test_a_tint_that_fades_out_is_called_a_colour_cast() -> None:
    picture = textured()
    weight = np.zeros((192, 256), np.float32)
    cv2.ellipse(weight, (95, 80), (32, 27), 0, 0, 360, 1.0, -1)
    weight = cv2.GaussianBlur(weight, (0, 0), 14)[..., None]
    edited = np.clip(picture + weight * np.array([55.0, -5.0, -45.0]), 0, 255).astype(np.uint8)

    flaw, _ = diagnose(picture, edited)

    assert flaw.flaw_type is FlawType.COLOR_CAST


def test_an_object_that_was_painted_over_is_called_an_unintended_removal() -> None:
    picture = textured()
    edited = picture.copy()
    window(edited)[:] = cv2.GaussianBlur(edited, (0, 0), 25)[BOX[1] : BOX[3], BOX[0] : BOX[2]]

    flaw, _ = diagnose(picture, edited)

    assert flaw.flaw_type in {FlawType.UNINTENDED_REMOVAL, FlawType.BLUR}
    assert flaw.severity > 0.5


def test_another_colour_on_the_same_shape_is_an_unintended_change() -> None:
    picture = textured()
    edited = picture.copy()
    window(edited)[:] = window(edited)[..., [2, 0, 1]]
    window(edited)[..., 1] = np.clip(window(edited)[..., 1].astype(int) + 60, 0, 255)

    flaw, _ = diagnose(picture, edited)

    assert flaw.flaw_type is FlawType.UNINTENDED_CHANGE
    assert INSTRUCTION in flaw.explanation


def test_a_foreign_block_is_restored_from_the_source() -> None:
    picture = textured()
    edited = picture.copy()
    window(edited)[:] = 255 - window(textured(seed=8))

    flaw, _ = diagnose(picture, edited)

    assert flaw.flaw_type in {FlawType.SEAM_OR_HALO, FlawType.UNINTENDED_CHANGE, FlawType.UNINTENDED_REMOVAL}
    assert flaw.suggested_operation is Operation.RESTORE


def test_inside_the_requested_change_the_source_is_not_restored() -> None:
    picture = textured()
    intended = np.full(picture.shape[:2], 255, np.uint8)

    flaw, _ = diagnose(picture, blurred(picture), intended)

    assert flaw.suggested_operation is Operation.TOOLS
    assert "does not explain it" in flaw.explanation


def test_a_tone_change_of_the_whole_picture_is_not_held_against_a_region() -> None:
    picture = textured()
    gain = (1.1, 1.0, 0.85)
    edited = np.rint(np.clip(picture * np.array(gain), 0, 255)).astype(np.uint8)

    flaw, _ = diagnose(picture, edited, gain=gain)

    assert not flaw.is_flaw


def test_a_shifted_edit_is_compared_with_the_pixels_it_came_from() -> None:
    picture = textured()
    edited = np.roll(picture, (3, 5), (0, 1))

    flaw, _ = diagnose(picture, edited, matrix=(1.0, 0.0, -5.0, 0.0, 1.0, -3.0))

    assert not flaw.is_flaw


def test_a_source_of_another_size_is_laid_under_the_edit() -> None:
    source = cv2.GaussianBlur(textured(), (0, 0), 1.5)
    edited = cv2.resize(source, (512, 384), interpolation=cv2.INTER_CUBIC)

    flaw, _ = diagnose(source, edited, matrix=(0.5, 0.0, -0.25, 0.0, 0.5, -0.25))

    assert not flaw.is_flaw


@pytest.mark.parametrize("amount", [0.25, 0.5, 0.75])
def test_more_of_a_flaw_is_never_less_severe(amount: float) -> None:
    picture = textured()
    worst = blurred(picture)
    weaker = np.rint((1 - amount) * picture + amount * worst).astype(np.uint8)

    assert diagnose(picture, weaker)[0].severity <= diagnose(picture, worst)[0].severity


def test_every_sentence_is_finished_and_every_fact_is_said_with_its_number() -> None:
    picture = textured()

    flaw, summary = diagnose(picture, blurred(picture))

    assert flaw.explanation.endswith(".")
    assert summary.endswith(".")
    assert not any(mark in flaw.explanation for mark in "{}")
    assert {fact.name for fact in flaw.evidence} >= {"sharpness_ratio", "color_difference", "edge_ratio"}
    assert all(any(letter.isdigit() for letter in fact.meaning) for fact in flaw.evidence)


def test_a_region_of_nearly_the_whole_frame_is_a_drift_and_is_not_undone_by_the_source() -> None:
    picture = textured()
    edited = np.clip(picture * np.array([1.2, 1.0, 0.75]), 0, 255).astype(np.uint8)
    height, width = picture.shape[:2]
    whole = MarkedRegion(
        "r1", FlawKind.EDITING_FAILURE, (0, 0, width, height), np.full((height, width), 255, np.uint8), 1.0
    )
    sample = Sample(picture, edited, INSTRUCTION, Registration(), None)

    flaw = CompactDiagnostician().diagnose(sample, [whole], lambda: None).flaws[0]

    assert flaw.flaw_type is FlawType.GLOBAL_DRIFT
    assert flaw.suggested_operation is Operation.LEAVE


@pytest.mark.parametrize(("share", "operation"), [(0.1, Operation.RESTORE), (0.4, Operation.LEAVE)])
def test_the_source_takes_the_place_of_the_edit_in_small_parts_only(
    share: float, operation: Operation
) -> None:
    picture = textured()
    height, width = picture.shape[:2]
    rows = slice(0, round(share * height))
    edited = picture.copy()
    edited[rows] = np.clip(picture[rows] * np.array([1.3, 1.0, 0.6]), 0, 255).astype(np.uint8)
    mask = np.full((rows.stop, width), 255, np.uint8)
    region = MarkedRegion("r1", FlawKind.EDITING_FAILURE, (0, 0, width, rows.stop), mask, 1.0)

    flaw = (
        CompactDiagnostician()
        .diagnose(Sample(picture, edited, INSTRUCTION, Registration(), None), [region], lambda: None)
        .flaws[0]
    )

    assert flaw.is_flaw
    assert flaw.suggested_operation is operation
