"""Without a measurement a score may be any and all edits tie; with one, the file's numbers are stated."""

import json
from pathlib import Path

import pytest

from services.evaluation.backends.internvl import CheckpointError, InternVLScorer
from services.evaluation.backends.internvl.calibration import load_calibration
from tests.evaluation.asking import ranking
from tests.evaluation.internvl.published import options_of, picture

MEASURED = {
    "coverage": 0.9,
    "half_widths": {"perceptual_quality": 12.0, "instruction_following": 20, "visual_consistency": 9.5},
    "decision_margin": 4.0,
}


def test_without_a_calibration_nothing_is_claimed(scorer: InternVLScorer) -> None:
    answer = ranking(picture(60, 80, 1), [picture(60, 80, 2)], "Make the cup blue", scorer)

    scores = answer.scores[0]
    assert scores.intervals.coverage == 1.0
    assert scores.intervals.perceptual_quality == scores.intervals.visual_consistency == (0.0, 100.0)
    assert scores.decision_margin == 100.0  # no two edits differ by more


def test_a_calibration_gives_intervals_and_margin(tiny: Path, tmp_path: Path, scorer: InternVLScorer) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(MEASURED))
    calibrated = InternVLScorer(options_of(tiny, calibration=path))

    scores = ranking(picture(60, 80, 1), [picture(60, 80, 2)], "Make the cup blue", calibrated).scores[0]

    low, high = scores.intervals.instruction_following
    assert scores.intervals.coverage == 0.9
    assert low == pytest.approx(max(0.0, scores.instruction_following - 20), abs=0.002)
    assert high == pytest.approx(min(100.0, scores.instruction_following + 20), abs=0.002)
    assert scores.decision_margin == 4.0
    assert calibrated.backend.digest != scorer.backend.digest
    assert calibrated.backend.provisional


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "calibration.json is not JSON"),
        (b"[]", "calibration.json is not a JSON object"),
        (json.dumps({**MEASURED, "coverage": 1.5}).encode(), "calibration.json is no calibration: coverage"),
        (json.dumps({**MEASURED, "coverage": "0.9"}).encode(), "no calibration: coverage"),
        (json.dumps({**MEASURED, "decision_margin": 0}).encode(), "no calibration: decision_margin"),
        (
            json.dumps({**MEASURED, "half_widths": {}}).encode(),
            r"half_widths\.perceptual_quality: Field required",
        ),
        (json.dumps({**MEASURED, "note": "x"}).encode(), "no calibration: note"),
    ],
)
def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_bytes(content)

    with pytest.raises(CheckpointError, match=message):
        load_calibration(path)


def test_a_calibration_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"There is no file .*missing\.json"):
        load_calibration(tmp_path / "missing.json")
