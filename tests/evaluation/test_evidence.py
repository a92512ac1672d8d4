"""The scorer's network is shown bounded measures of any two pictures, and runs on released weights only."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from services.evaluation.backends.evidence import PLANES, STRIDE, WHOLE, Evidence, evidence, input_size
from services.evaluation.backends.intent import read_intent
from services.evaluation.backends.look import look
from services.evaluation.backends.network import WEIGHTS, ScoreNetwork
from services.evaluation.backends.request import read_request
from services.shipped import WeightsChangedError
from tests.evaluation import scenes


def gathered(source: np.ndarray, edited: np.ndarray, instruction: str = scenes.RECOLOR) -> Evidence:
    """What the network is given of an edit."""
    asked = read_intent(instruction)
    return evidence(look(source, edited, asked), asked, read_request(instruction, asked))


@pytest.fixture(scope="module")
def network() -> ScoreNetwork:
    return ScoreNetwork()


@pytest.mark.parametrize("shape", [(1, 1), (9, 700), (64, 64), (333, 217), (1500, 1200)])
def test_evidence_of_any_size_is_bounded_and_fits_the_network(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    source, edited = (rng.integers(0, 256, (*shape, 3), np.uint8) for _ in range(2))

    found = gathered(source, edited)

    height, width = found.edited.shape[:2]
    assert found.planes.shape == (len(PLANES), height // STRIDE, width // STRIDE)
    assert found.whole.shape == (WHOLE,)
    assert np.abs(found.planes).max() <= 1
    assert np.abs(found.whole).max() <= 3
    assert np.isfinite(found.whole).all()


@pytest.mark.parametrize("shape", [(64, 64), (300, 400), (2000, 1500), (768, 96)])
def test_the_network_is_shown_multiples_of_16_at_about_one_area(shape: tuple[int, int]) -> None:
    height, width = input_size(shape)

    assert height % 16 == width % 16 == 0
    assert 0.7 * 288 * 384 <= height * width <= 1.4 * 288 * 384


def test_an_edit_and_its_words_both_change_the_evidence() -> None:
    source = scenes.still_life()
    same, edited = gathered(source, source), gathered(source, scenes.reddened())
    other = gathered(source, scenes.reddened(), "Make the ball blue")

    assert np.abs(same.planes - edited.planes).max() > 0.2
    assert np.abs(edited.whole - other.whole).max() > 0.2


def test_what_is_like_nothing_in_the_training_has_wider_intervals(network: ScoreNetwork) -> None:
    source = scenes.photograph("coffee")
    noise = np.random.default_rng(2).integers(0, 256, source.shape, np.uint8)

    usual = network.judge(gathered(source, scenes.warmed(source), scenes.WARMER))
    strange = network.judge(gathered(noise, source, scenes.WARMER))

    assert (strange.half_widths > usual.half_widths).all()


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS, folder)
    content = bytearray((folder / "scorer.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "scorer.onnx").write_bytes(content)

    with pytest.raises(WeightsChangedError, match=r"scorer\.onnx has SHA-256"):
        ScoreNetwork(folder=folder)


def test_a_calibration_that_lacks_a_number_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["calibration"]["decision_margin"]
    (folder / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(ValueError, match="decision_margin"):
        ScoreNetwork(folder=folder)
