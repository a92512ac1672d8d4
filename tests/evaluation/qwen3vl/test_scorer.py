"""Scores are those that the description of the release gives, in every arrangement the same."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import Qwen3VLForConditionalGeneration

from services.checkpoints import CheckpointError
from services.evaluation.agent import Marks
from services.evaluation.backends.calibration import CalibrationError
from services.evaluation.backends.qwen3vl import Qwen3VLOptions, Qwen3VLScorer, encode
from services.evaluation.backends.qwen3vl.merge import main, merge
from services.qwen3vl import Preprocessor
from tests.checkpoints.spoiling import settings
from tests.evaluation.qwen3vl.pictures import picture, unhurried

SOURCE, EDITED, WORDS = picture(1), picture(2), "Make the cup blue"
EDITS = [EDITED, picture(3, 160, 96), picture(4, 64, 200), picture(5, 33, 70), picture(6)]


def values(marks: Marks) -> list[float]:
    return [
        marks.perceptual_quality.value,
        marks.instruction_following.value,
        marks.visual_consistency.value,
    ]


def scores(scorer: Qwen3VLScorer, source=SOURCE, edited=EDITED, words: str = WORDS) -> np.ndarray:
    (marks,) = scorer.score(source, [edited], words, unhurried)
    return np.array(values(marks))


def by_hand(tiny: Path, positions: str) -> list[float]:
    """Model and adapter by the libraries alone, the head as matrices; of the scorer only its inputs."""
    whole: Any = Qwen3VLForConditionalGeneration.from_pretrained(tiny / "base", dtype=torch.float32)
    adapted: Any = PeftModel.from_pretrained(whole.model, str(tiny / "evaluation")).eval()
    encoded = encode(Preprocessor(tiny / "base"), SOURCE, EDITED, WORDS)
    ids = encoded.input_ids[None]
    ids = torch.nn.functional.pad(ids, (0, 3))  # as if a longer one stood beside it
    mask = (torch.arange(ids.shape[1]) < len(encoded.input_ids)).int()[None]
    line = torch.arange(ids.shape[1]).expand(3, 1, -1)
    with torch.no_grad():
        output = adapted(
            input_ids=ids,
            attention_mask=mask,
            pixel_values=encoded.pixel_values,
            image_grid_thw=encoded.grids,
            mm_token_type_ids=(ids == whole.config.image_token_id).int(),
            use_cache=False,
            **({"position_ids": line} if positions == "linear" else {}),
        )
        x = output.last_hidden_state[0, int(mask.sum()) - 1]
        head = torch.load(tiny / "evaluation" / "score_head.pth", weights_only=True)
        for layer in (0, 3):
            x = head[f"mlp.{layer}.weight"] @ x + head[f"mlp.{layer}.bias"]
            x = x / (1 + torch.exp(-x))
        x = head["mlp.6.weight"] @ x + head["mlp.6.bias"]
    return (100 / (1 + torch.exp(-x))).tolist()


@pytest.mark.parametrize("positions", ["mrope", "linear"])
def test_scores_are_those_of_an_independent_computation(
    tiny: Path, options: Qwen3VLOptions, positions: Any
) -> None:
    scorer = Qwen3VLScorer(dataclasses.replace(options, positions=positions))

    np.testing.assert_allclose(scores(scorer), by_hand(tiny, positions), atol=0.01)


def test_each_of_source_edit_and_words_changes_the_scores(scorer: Qwen3VLScorer) -> None:
    before = scores(scorer)

    assert np.abs(scores(scorer, source=picture(7)) - before).max() > 0.5
    assert np.abs(scores(scorer, edited=picture(7)) - before).max() > 0.5
    assert np.abs(scores(scorer, words="Remove the dog") - before).max() > 0.5
    assert np.abs(scores(scorer, source=EDITED, edited=SOURCE) - before).max() > 0.5


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_edits_together_are_scored_as_alone(
    options: Qwen3VLOptions, scorer: Qwen3VLScorer, batch: int
) -> None:
    other = Qwen3VLScorer(dataclasses.replace(options, batch=batch))

    together = other.score(SOURCE, EDITS, WORDS, unhurried)

    assert len(together) == len(EDITS)
    for edited, marks in zip(EDITS, together, strict=True):
        np.testing.assert_allclose(values(marks), scores(scorer, edited=edited), atol=0.01)


def test_the_two_kinds_of_positions_differ(options: Qwen3VLOptions, scorer: Qwen3VLScorer) -> None:
    linear = Qwen3VLScorer(dataclasses.replace(options, positions="linear"))

    assert np.abs(scores(linear) - scores(scorer)).max() > 0.5
    assert linear.backend.digest != scorer.backend.digest


def test_bfloat16_scores_about_the_same(options: Qwen3VLOptions, scorer: Qwen3VLScorer) -> None:
    half = Qwen3VLScorer(dataclasses.replace(options, dtype="bfloat16"))

    assert np.abs(scores(half) - scores(scorer)).max() < 10


def test_a_merged_model_scores_like_its_adapter(tiny: Path, tmp_path: Path, scorer: Qwen3VLScorer) -> None:
    arguments = ["--base", tiny / "base", "--adapter", tiny / "evaluation", "--out", tmp_path / "merged"]
    main([*map(str, arguments), "--dtype", "float32"])

    merged = Qwen3VLScorer(Qwen3VLOptions(Path("nowhere"), tmp_path / "merged"))

    np.testing.assert_allclose(scores(merged), scores(scorer), atol=0.01)
    with pytest.raises(CheckpointError, match="is a merged model already"):
        merge(tiny / "base", tmp_path / "merged", tmp_path / "again")


def test_a_scale_below_100_shrinks_the_scores(
    tiny: Path, tmp_path: Path, options: Qwen3VLOptions, scorer: Qwen3VLScorer
) -> None:
    shutil.copytree(tiny / "evaluation", tmp_path / "weights")
    settings("regression_config.json", score_output_scale=50)(tmp_path / "weights")

    halved = Qwen3VLScorer(dataclasses.replace(options, weights=tmp_path / "weights"))

    np.testing.assert_allclose(scores(halved), scores(scorer) / 2, atol=1e-4)


def test_a_run_that_is_canceled_stops_before_the_next_pass(options: Qwen3VLOptions) -> None:
    one_by_one = Qwen3VLScorer(dataclasses.replace(options, batch=1))
    asked = 0

    def checkpoint() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        one_by_one.score(SOURCE, EDITS, WORDS, checkpoint)


def test_without_a_calibration_it_claims_to_know_nothing_of_its_errors(scorer: Qwen3VLScorer) -> None:
    (marks,) = scorer.score(SOURCE, [EDITED], WORDS, unhurried)

    assert scorer.backend.provisional
    assert scorer.coverage == 1.0
    assert scorer.decision_margin == pytest.approx(100 / 6 * (1 - 0.8842**2) ** 0.5, abs=0.05)
    assert scorer.difference_spread == pytest.approx(scorer.decision_margin * 2**0.5)
    assert "Nothing was measured here" in scorer.calibration_basis
    assert (marks.instruction_following.low, marks.instruction_following.high) == (0, 100)


def test_a_calibration_of_this_very_scorer_gives_intervals_margin_and_spread(
    options: Qwen3VLOptions, scorer: Qwen3VLScorer, tmp_path: Path
) -> None:
    widths = {"perceptual_quality": 9.5, "instruction_following": 100.0, "visual_consistency": 0.25}
    fields = {
        "scorer": scorer.backend.digest,
        "coverage": 0.9,
        "half_widths": widths,
        "decision_margin": 3.25,
        "difference_spread": 4.5,
        "basis": "rated edits",
    }
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(fields))
    calibrated = Qwen3VLScorer(dataclasses.replace(options, calibration=path))

    (marks,) = calibrated.score(SOURCE, [EDITED], WORDS, unhurried)

    assert not calibrated.backend.provisional
    assert calibrated.backend.digest != scorer.backend.digest
    assert (calibrated.coverage, calibrated.decision_margin) == (0.9, 3.25)
    assert (calibrated.difference_spread, calibrated.calibration_basis) == (4.5, "rated edits")
    quality, consistency = marks.perceptual_quality, marks.visual_consistency
    assert quality.low == max(0, quality.value - 9.5)
    assert quality.high == min(100, quality.value + 9.5)
    assert consistency.high - consistency.value <= 0.25
    assert (marks.instruction_following.low, marks.instruction_following.high) == (0, 100)
    np.testing.assert_array_equal(values(marks), scores(scorer))
    with pytest.raises(CalibrationError, match="measured with another scorer"):
        Qwen3VLScorer(dataclasses.replace(options, calibration=path, positions="linear"))
