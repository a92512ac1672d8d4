"""The figures of the compact scorer."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.scoring_charts import BYTES, LEVELS, coverage, falls
from bench.scoring_told import Pairs, Series, Told, ToldError, read_told

PAIR = {"split": "seen", "true": [80, 70, 60], "told": [75, 72, 66], "half_width": [10, 10, 10]}
SERIES = {"type": "blur", "strengths": [0.2, 0.9], "overall": [80, 60], "true": [85, 55]}


def written(folder: Path, content: object) -> Path:
    path = folder / "told.json"
    path.write_text(json.dumps(content))
    return path


def draw(file: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.scoring_plots", str(file), "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_both_figures_are_drawn_from_a_tiny_file(tmp_path: Path) -> None:
    pairs = [PAIR, PAIR | {"split": "unseen"}, PAIR | {"told": [0, 100, 50]}]
    file = written(tmp_path, {"pairs": pairs, "series": [SERIES, SERIES | {"type": "noise"}]})

    done = draw(file, tmp_path / "out")

    assert done.returncode == 0, done.stderr
    drawn = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in drawn] == ["scoring_calibration.png", "scoring_monotonicity.png"]
    for path in drawn:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert picture.std() > 5
        assert path.stat().st_size <= BYTES


def test_a_broken_file_ends_in_words_and_nothing_is_written(tmp_path: Path) -> None:
    file = written(tmp_path, {"pairs": [PAIR], "series": [SERIES | {"true": [1]}]})

    done = draw(file, tmp_path / "out")

    assert done.returncode == 2
    assert "series 0: strengths, overall and true must be of one length" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], 'no list "pairs"'),
        ({"pairs": [PAIR], "series": []}, 'no list "series"'),
        ({"pairs": [PAIR | {"split": "known"}], "series": [SERIES]}, "pair 0: split is 'known', not one of"),
        ({"pairs": [PAIR, PAIR | {"told": [1, 2]}], "series": [SERIES]}, "pair 1: true, told and half_width"),
        ({"pairs": [PAIR | {"told": [1, 2, "x"]}], "series": [SERIES]}, "pair 0: told is not a list of num"),
        ({"pairs": [PAIR | {"told": None}], "series": [SERIES]}, "pair 0: told is not a list of numbers"),
        ({"pairs": [PAIR | {"true": [1, 2, 101]}], "series": [SERIES]}, "true is not a list of numbers of 0"),
        ({"pairs": [PAIR], "series": [SERIES | {"overall": [1, float("nan")]}]}, "overall is not a list"),
        ({"pairs": [PAIR], "series": [SERIES | {"strengths": [0.9, 0.2]}]}, "strengths do not rise"),
        ({"pairs": [PAIR], "series": [SERIES | {"type": 3}]}, "type is 3, not a name"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ToldError, match=message):
        read_told(written(tmp_path, content))


@pytest.mark.parametrize("content", ["{", b"\xff\xfe"])
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "told.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(ToldError, match="is no JSON"):
        read_told(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToldError, match=r"nowhere\.json cannot be read: No such file"):
        read_told(tmp_path / "nowhere.json")


def test_only_steps_that_truly_lower_the_score_are_counted() -> None:
    strengths = np.array([0.2, 0.5, 0.8, 0.9])
    true = np.array([90.0, 80.0, 70.0, 69.5])

    down, steps = falls([Series("blur", strengths, np.array([85.0, 80.0, 82.0, 90.0]), true)])

    assert (down, steps) == (1, 2)


def test_intervals_that_are_told_too_narrow_are_seen_to_cover_too_little() -> None:
    rng = np.random.default_rng(4)
    true = np.full((2000, 3), 50.0)
    told = true + rng.normal(0, 5, true.shape)
    right = np.full(true.shape, 1.645 * 5)
    split = {"seen": Pairs(true, told, right), "unseen": Pairs(true, told, right / 2)}

    shares = coverage(Told(split, {}))

    assert np.abs(shares["seen"] - LEVELS[:, None]).max() < 0.05
    at_90 = np.isclose(LEVELS, 0.9)
    assert shares["unseen"][at_90] == pytest.approx(0.589, abs=0.05)  # two-sided normal at 0.82 deviations
