"""The service's scorer says what the published weights say, and nothing that it was asked before matters."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from services.evaluation.agent import Marks
from services.evaluation.backends.calibration import CalibrationError
from services.evaluation.backends.internvl import InternVLScorer, NoScoreError
from services.evaluation.backends.internvl.aspects import ASPECTS
from tests.checkpoints.spoiling import tensors
from tests.evaluation.asking import ranking
from tests.evaluation.internvl.published import options_of, picture, published_score

INSTRUCTION = "Make the cup blue"
SOURCE, EDITED, OTHER = picture(96, 128, 1), picture(80, 60, 2), picture(50, 200, 3)


def go_on() -> None:
    """A checkpoint that lets every run go on."""


def values(marks: Marks) -> tuple[float, float, float]:
    return marks.perceptual_quality.value, marks.instruction_following.value, marks.visual_consistency.value


@pytest.fixture(scope="module")
def usual(scorer: InternVLScorer) -> tuple[float, float, float]:
    return values(scorer.score(SOURCE, [EDITED], INSTRUCTION, go_on)[0])


def test_it_scores_as_the_authors_layers_with_peft_and_the_head_by_hand(
    tiny: Path, usual: tuple[float, float, float]
) -> None:
    expected = [published_score(tiny, aspect, SOURCE, EDITED, INSTRUCTION) for aspect in ASPECTS]

    assert usual == pytest.approx(expected, abs=0.002)
    assert len({round(score) for score in expected}) == 3


@pytest.mark.parametrize(
    ("source", "edited", "instruction"),
    [(OTHER, EDITED, INSTRUCTION), (SOURCE, OTHER, INSTRUCTION), (SOURCE, EDITED, "Remove the dog")],
    ids=["source", "edited", "instruction"],
)
def test_every_part_of_the_edit_has_a_say_in_every_score(
    scorer: InternVLScorer,
    usual: tuple[float, float, float],
    source: np.ndarray,
    edited: np.ndarray,
    instruction: str,
) -> None:
    other = values(scorer.score(source, [edited], instruction, go_on)[0])

    assert all(abs(a - b) > 0.01 for a, b in zip(usual, other, strict=True))


def test_source_and_edited_picture_are_told_apart(
    scorer: InternVLScorer, usual: tuple[float, float, float]
) -> None:
    swapped = values(scorer.score(EDITED, [SOURCE], INSTRUCTION, go_on)[0])

    assert swapped != pytest.approx(usual, abs=0.01)


def test_company_and_order_of_the_edits_change_no_bit(
    scorer: InternVLScorer, usual: tuple[float, float, float]
) -> None:
    edits = [OTHER, EDITED, SOURCE]

    together = [values(marks) for marks in scorer.score(SOURCE, edits, INSTRUCTION, go_on)]
    backwards = [values(marks) for marks in scorer.score(SOURCE, edits[::-1], INSTRUCTION, go_on)]

    assert together == backwards[::-1]
    assert together[1] == usual


def test_the_aspects_may_be_asked_in_any_order(
    scorer: InternVLScorer, usual: tuple[float, float, float]
) -> None:
    backwards = {
        aspect: scorer.raw(aspect, SOURCE, [EDITED], INSTRUCTION, go_on)[0] for aspect in reversed(ASPECTS)
    }

    assert tuple(backwards[aspect] for aspect in ASPECTS) == usual


def test_the_weights_of_one_aspect_leave_the_others_alone(
    copy: Path, usual: tuple[float, float, float]
) -> None:
    for name in ("vision_lora", "llm_lora"):
        tensors(
            f"lora_checkpoints_alignment/{name}/adapter_model.safetensors",
            lambda state: state.update({key: -2 * tensor for key, tensor in state.items()}),
        )(copy)

    changed = values(InternVLScorer(options_of(copy)).score(SOURCE, [EDITED], INSTRUCTION, go_on)[0])

    assert (changed[0], changed[2]) == (usual[0], usual[2])
    assert abs(changed[1] - usual[1]) > 0.01


@pytest.mark.parametrize("name", ["vision_lora", "llm_lora"])
def test_both_adapters_of_an_aspect_count(copy: Path, usual: tuple[float, float, float], name: str) -> None:
    tensors(
        f"lora_checkpoints_visual/{name}/adapter_model.safetensors",
        lambda state: state.update({key: 2 * tensor for key, tensor in state.items()}),
    )(copy)

    changed = values(InternVLScorer(options_of(copy)).score(SOURCE, [EDITED], INSTRUCTION, go_on)[0])

    assert abs(changed[0] - usual[0]) > 0.01


def test_a_score_beyond_the_scale_is_kept_raw_and_marked_100(copy: Path) -> None:
    tensors(
        "lora_checkpoints_visual/mlp_head.pth",
        lambda state: state.update({"mlp.4.bias": torch.tensor([-9.0])}),
    )(copy)
    scorer = InternVLScorer(options_of(copy))

    raw = scorer.raw_scores(SOURCE, [EDITED], INSTRUCTION, go_on)[0]
    marks = scorer.score(SOURCE, [EDITED], INSTRUCTION, go_on)[0]

    assert raw.visual > 100  # a negative number, folded by its absolute value
    assert marks.perceptual_quality.value == marks.perceptual_quality.high == 100


def test_a_score_that_is_no_number_is_an_error(copy: Path) -> None:
    tensors(
        "lora_checkpoints_alignment/mlp_head.pth",
        lambda state: state.update({"mlp.4.weight": torch.full((1, 128), 3e38)}),
    )(copy)

    with pytest.raises(NoScoreError, match="'alignment'"):
        InternVLScorer(options_of(copy)).score(SOURCE, [EDITED], INSTRUCTION, go_on)


def test_a_scorer_that_is_told_to_stop_stops(scorer: InternVLScorer) -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        scorer.score(SOURCE, [EDITED], INSTRUCTION, stop)


def test_a_run_that_was_stopped_leaves_nothing_behind(
    scorer: InternVLScorer, usual: tuple[float, float, float]
) -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        scorer.raw("visual", SOURCE, [OTHER], INSTRUCTION, stop)

    assert values(scorer.score(SOURCE, [EDITED], INSTRUCTION, go_on)[0]) == usual


def test_half_precision_scores_nearly_the_same(tiny: Path, usual: tuple[float, float, float]) -> None:
    rounded = InternVLScorer(options_of(tiny, dtype="bfloat16"))

    assert values(rounded.score(SOURCE, [EDITED], INSTRUCTION, go_on)[0]) == pytest.approx(usual, abs=5)


def test_the_digest_tells_weights_and_precision_apart(tiny: Path, copy: Path, scorer: InternVLScorer) -> None:
    again = InternVLScorer(options_of(tiny)).backend
    rounded = InternVLScorer(replace(options_of(tiny), dtype="bfloat16")).backend
    tensors(
        "lora_checkpoints_visual/mlp_head.pth",
        lambda state: state.update({"mlp.4.bias": torch.tensor([0.4])}),
    )(copy)
    other = InternVLScorer(options_of(copy)).backend

    assert again == scorer.backend
    assert len({again.digest, rounded.digest, other.digest}) == 3
    assert again.provisional


def test_without_a_calibration_every_score_may_be_any_and_all_edits_tie(scorer: InternVLScorer) -> None:
    answer = ranking(SOURCE, [EDITED, OTHER, SOURCE], INSTRUCTION, scorer)

    scores = answer.scores[0]
    assert scores.intervals.coverage == 1.0
    assert scores.intervals.perceptual_quality == scores.intervals.visual_consistency == (0.0, 100.0)
    assert scores.decision_margin == 100.0  # no two edits differ by more
    assert len(answer.ties) == 1
    assert max(answer.best_probability) < 0.5
    assert "Nothing was measured here" in scorer.calibration_basis


def test_a_calibration_of_this_very_scorer_gives_intervals_margin_and_spread(
    tiny: Path, tmp_path: Path, scorer: InternVLScorer
) -> None:
    widths = {"perceptual_quality": 12.0, "instruction_following": 20, "visual_consistency": 9.5}
    fields = {
        "scorer": scorer.backend.digest,
        "coverage": 0.9,
        "half_widths": widths,
        "decision_margin": 4.0,
        "difference_spread": 5.0,
        "basis": "rated edits",
    }
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(fields))
    calibrated = InternVLScorer(options_of(tiny, calibration=path))

    scores = ranking(SOURCE, [EDITED], INSTRUCTION, calibrated).scores[0]

    low, high = scores.intervals.instruction_following
    assert scores.intervals.coverage == 0.9
    assert low == pytest.approx(max(0.0, scores.instruction_following - 20), abs=0.002)
    assert high == pytest.approx(min(100.0, scores.instruction_following + 20), abs=0.002)
    assert scores.decision_margin == 4.0
    assert (calibrated.difference_spread, calibrated.calibration_basis) == (5.0, "rated edits")
    assert calibrated.backend.digest != scorer.backend.digest
    assert not calibrated.backend.provisional
    with pytest.raises(CalibrationError, match="measured with another scorer"):
        InternVLScorer(options_of(tiny, calibration=path, dtype="bfloat16"))
