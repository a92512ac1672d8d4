"""Without a measurement a score may be any; with one, the file's numbers are stated of its scorer alone."""

import json
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from services.evaluation.backends.calibration import CalibrationError, Unmeasured, trust
from services.evaluation.certainty import probability_above
from services.evaluation.marks import Estimate

SCORER = "ab" * 32
MEASURED: dict[str, Any] = {
    "scorer": SCORER,
    "coverage": 0.9,
    "half_widths": {"perceptual_quality": 12.0, "instruction_following": 20, "visual_consistency": 0},
    "decision_margin": 4.0,
    "difference_spread": 5.5,
    "basis": "300 edits of held-out photographs, rated by 20 people each",
}
UNMEASURED = Unmeasured(7.8, "The error follows from the publisher's correlation.")

Written = Callable[[bytes], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def write(content: bytes) -> Path:
        path = tmp_path / "calibration.json"
        path.write_bytes(content)
        return path

    return write


def test_without_a_calibration_nothing_is_claimed() -> None:
    found = trust(None, SCORER, UNMEASURED)

    assert found.digest == SCORER
    assert not found.measured
    assert found.coverage == 1.0
    assert found.estimate("instruction_following", 31.0) == Estimate(31.0, 0.0, 100.0)
    assert "Nothing was measured here" in found.basis
    assert "publisher's correlation" in found.basis


def test_unmeasured_margin_and_spread_follow_from_one_error() -> None:
    found = trust(None, SCORER, UNMEASURED)

    assert found.decision_margin == 7.8
    assert found.difference_spread == pytest.approx(7.8 * sqrt(2))
    assert 0.5 < probability_above(found.decision_margin, 0, found.difference_spread) < 0.8


def test_a_calibration_gives_intervals_margin_spread_and_its_words(written: Written) -> None:
    found = trust(written(json.dumps(MEASURED).encode()), SCORER, UNMEASURED)

    assert found.measured
    assert (found.coverage, found.decision_margin, found.difference_spread) == (0.9, 4.0, 5.5)
    assert found.basis == MEASURED["basis"]
    assert found.estimate("perceptual_quality", 50.0) == Estimate(50.0, 38.0, 62.0)
    assert found.estimate("perceptual_quality", 95.0) == Estimate(95.0, 83.0, 100.0)
    assert found.estimate("instruction_following", 5.0) == Estimate(5.0, 0.0, 25.0)
    assert found.estimate("visual_consistency", 5.0) == Estimate(5.0, 5.0, 5.0)


def test_every_number_of_a_calibration_is_part_of_the_digest(written: Written) -> None:
    changes = {"coverage": 0.8, "decision_margin": 3.0, "difference_spread": 5.0, "basis": "other edits"}
    digests = {SCORER, trust(written(json.dumps(MEASURED).encode()), SCORER, UNMEASURED).digest}

    for name, value in changes.items():
        content = json.dumps({**MEASURED, name: value}).encode()
        digests.add(trust(written(content), SCORER, UNMEASURED).digest)

    assert len(digests) == 2 + len(changes)


def test_a_calibration_of_another_scorer_is_refused(written: Written) -> None:
    path = written(json.dumps(MEASURED).encode())

    with pytest.raises(
        CalibrationError, match=r"calibration\.json was measured with another scorer \(abababa"
    ):
        trust(path, "cd" * 32, UNMEASURED)


def changed(**changes: object) -> bytes:
    return json.dumps({**MEASURED, **changes}).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", r"calibration\.json is no calibration of a scorer: the file: "),
        (b"[]", r"calibration\.json is no calibration of a scorer: the file: "),
        (b"\xff", r"calibration\.json is no calibration of a scorer: the file: "),
        (changed(scorer="mine"), "a scorer: scorer: "),
        (changed(coverage=1.5), "a scorer: coverage: "),
        (changed(coverage="0.9"), "a scorer: coverage: "),
        (changed(coverage=0), "a scorer: coverage: "),
        (changed(decision_margin=-1), "decision_margin: "),
        (changed(difference_spread=-1), "difference_spread: "),
        (changed(difference_spread=float("nan")), "difference_spread: "),
        (changed(basis=""), "basis: "),
        (changed(half_widths={}), r"half_widths\.perceptual_quality: Field required"),
        (changed(note="x"), "note: Extra inputs"),
    ],
)
def test_a_file_that_is_no_calibration_is_refused(written: Written, content: bytes, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        trust(written(content), SCORER, UNMEASURED)


def test_a_calibration_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match=r"There is no file .*missing\.json"):
        trust(tmp_path / "missing.json", SCORER, UNMEASURED)
    with pytest.raises(CalibrationError, match="cannot be read"):
        trust(tmp_path, SCORER, UNMEASURED)
