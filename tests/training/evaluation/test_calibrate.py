"""A calibration holds what it promises on edits that it was not made from, and the service takes it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from editrefiner.contracts import DIMENSIONS, overall_score
from services.evaluation.agent import EvaluationAgent
from services.evaluation.backends import load_backend
from services.evaluation.settings import Settings
from suite.scoretable import COLUMNS
from training.evaluation.calibrate import MeasuredEdit, TooLittleError, calibrate, main
from training.evaluation.tables import DIMENSIONS as RATED

SCORER = "ab" * 32
HARD = np.array([6.0, 12.0, 3.0])  # points: how far a score scatters around people's, by dimension


def edits(seed: int, sources: int, each: int = 3, shared: float = 5.0) -> list[MeasuredEdit]:
    """Errors with heavy tails, a part of which all edits of a source share."""
    rng = np.random.default_rng(seed)
    found = []
    for source in range(sources):
        bias = rng.normal(0, shared, 3)
        for _ in range(each):
            rated = rng.uniform(30, 70, 3)
            said = np.clip(rated + bias + HARD * rng.standard_t(5, 3), 0, 100)
            found.append(MeasuredEdit(str(source), tuple(said), tuple(rated)))
    return found


def overall(edit: MeasuredEdit) -> tuple[float, float]:
    return overall_score(*edit.said), overall_score(*edit.rated)


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_new_edits_lie_within_the_half_widths_as_often_as_it_says(coverage: float) -> None:
    found = calibrate(edits(1, 1000), scorer=SCORER, basis="drawn", coverage=coverage)
    fresh = edits(2, 1000)
    for place, name in enumerate(DIMENSIONS):
        half = getattr(found.half_widths, name)
        inside = np.mean([abs(edit.said[place] - edit.rated[place]) <= half for edit in fresh])
        assert inside == pytest.approx(coverage, abs=0.02)


def test_few_edits_cover_as_well_on_average() -> None:
    fresh = edits(3, 300)
    inside = []
    for seed in range(40):
        found = calibrate(edits(100 + seed, 100, each=1), scorer=SCORER, basis="drawn")
        half = found.half_widths.instruction_following
        inside.append(np.mean([abs(edit.said[1] - edit.rated[1]) <= half for edit in fresh]))
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)


def test_the_half_width_is_the_distance_of_the_conformal_rank() -> None:
    ladder = [MeasuredEdit(str(n), (n / 4, 0, 0), (0, 0, 0)) for n in range(1, 121)]
    widths = calibrate(ladder, scorer=SCORER, basis="a ladder").half_widths
    assert widths.perceptual_quality == 109 / 4  # of 120, the one of rank ceil(121 * 0.9)
    assert widths.instruction_following == 0


def test_an_error_that_all_edits_of_a_source_share_does_not_widen_the_difference() -> None:
    alone = calibrate(edits(4, 800, shared=0), scorer=SCORER, basis="drawn")
    shared = calibrate(edits(4, 800, shared=9), scorer=SCORER, basis="drawn")
    assert shared.difference_spread == pytest.approx(alone.difference_spread, rel=0.15)
    assert "within sources, on 1600 edits" in shared.basis
    single = calibrate(edits(4, 800, each=1, shared=9), scorer=SCORER, basis="drawn")
    assert single.difference_spread > 1.1 * shared.difference_spread
    assert "unrelated edits" in single.basis


def test_the_spread_is_that_of_differences_and_the_margin_that_of_the_confidence() -> None:
    found = calibrate(edits(5, 1000, each=2), scorer=SCORER, basis="drawn")
    fresh = edits(6, 1000, each=2)
    gains = np.array(
        [np.subtract(overall(a), overall(b)) for a, b in zip(fresh[::2], fresh[1::2], strict=True)]
    )
    said, rated = gains.T
    assert found.difference_spread == pytest.approx((said - rated).std(), rel=0.1)
    assert found.decision_margin == pytest.approx(1.6449 * found.difference_spread, abs=0.002)
    # Of edits that are exactly as good, one in twenty seems better by more than the margin.
    assert np.mean(said - rated > found.decision_margin) == pytest.approx(0.05, abs=0.02)


def test_a_dimension_that_nobody_rated_is_missed(tmp_path: Path) -> None:
    some = [MeasuredEdit(e.source, e.said, (e.rated[0], float("nan"), e.rated[2])) for e in edits(1, 200)]
    with pytest.raises(TooLittleError, match="instruction_following is rated and scored for 0 edits"):
        calibrate(some, scorer=SCORER, basis="drawn")


def test_too_few_edits_or_sources_are_refused() -> None:
    with pytest.raises(TooLittleError, match="for 99 edits; at least 100"):
        calibrate(edits(1, 33), scorer=SCORER, basis="drawn")
    with pytest.raises(TooLittleError, match="of 29 sources"):
        calibrate(edits(1, 29, each=4), scorer=SCORER, basis="drawn")
    with pytest.raises(TooLittleError, match="at least 199"):
        calibrate(edits(1, 60), scorer=SCORER, basis="drawn", coverage=0.995)
    with pytest.raises(ValueError, match="shares"):
        calibrate(edits(1, 60), scorer=SCORER, basis="drawn", coverage=90)
    with pytest.raises(ValueError, match="basis is empty"):
        calibrate(edits(1, 60), scorer=SCORER, basis=" ")


# ------------------------------------------------------------------------------------ tables


def tables(folder: Path, digest: str, *, low: float = 0.0, kind: str = "geometric") -> list[str]:
    """Both tables on disk, and the arguments of the program."""
    rated: list[list[object]] = [["source", "edited", "instruction", *RATED]]
    scored: list[list[object]] = [list(COLUMNS)]
    for number, edit in enumerate(edits(7, 60)):
        names = [f"{edit.source}.png", f"{number}.png", "Make it\nred"]
        rated.append([*names, *edit.rated])
        three = [round(each, 3) for each in edit.said]
        one = sum(three) / 3 if kind == "arithmetic" else overall_score(three[0], three[1], three[2])
        cells = [cell for each in three for cell in (each, low, 100.0)]
        scored.append([*names, *cells, f"{one:.3f}", 7, "", digest, "00"])
    scored[5][3:14] = [""] * 11
    scored[5][14] = "edited: there is no such file"
    for name, rows in (("rated", rated), ("scored", scored)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    return [
        *(str(folder / f"{name}.csv") for name in ("rated", "scored")),
        "--out",
        str(folder / "calibration.json"),
        "--basis",
        "Drawn at random.",
    ]


def judge(path: Path | None) -> Settings:
    return Settings(
        backend="judge", judge_url="http://127.0.0.1:9/v1", judge_model="m", judge_calibration=path
    )


def test_the_written_file_is_taken_by_the_scorer_that_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = load_backend(judge(None))
    assert main(tables(tmp_path, bare.backend.digest)) == 0
    assert "179 edits, 1 rated ones left out" in capsys.readouterr().out

    calibrated = load_backend(judge(tmp_path / "calibration.json"))

    assert not calibrated.backend.provisional
    assert calibrated.coverage == 0.9
    written = json.loads((tmp_path / "calibration.json").read_text())
    assert calibrated.decision_margin == written["decision_margin"] != bare.decision_margin
    assert calibrated.calibration_basis.startswith("179 edits of 60 sources: Drawn at random. ")
    for scorer in (bare, calibrated):
        EvaluationAgent(scorer, pictures=None).close()  # pyright: ignore[reportArgumentType] — nothing is scored


def test_a_plain_mean_is_measured_as_one(tmp_path: Path) -> None:
    assert main(tables(tmp_path, SCORER, kind="arithmetic")) == 0


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("0.0,100.0,", "1.0,100.0,", "has an interval already: score with no calibration set"),
        (SCORER, "cd" * 32, "the rows are of 2 scorers"),
        ("overall,", "whole,", "overall: '' is no number"),
        (",7,,", ",7,it failed,", None),
    ],
)
def test_scores_that_cannot_be_used_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, message: str | None
) -> None:
    arguments = tables(tmp_path, SCORER)
    path = tmp_path / "scored.csv"
    text = path.read_text()
    path.write_text(text.replace(before, after, 1 if message else -1))
    assert main(arguments) == 1
    assert (message or "no row has scores") in capsys.readouterr().err
    assert not (tmp_path / "calibration.json").exists()


def test_an_edit_that_is_rated_twice_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = tables(tmp_path, SCORER)
    path = tmp_path / "rated.csv"
    path.write_text(path.read_text() + '0.png,0.png,"Make it\nred",1,2,3\n')
    assert main(arguments) == 1
    assert "the same edit as in an earlier row" in capsys.readouterr().err


def test_tables_that_are_not_there_are_an_error_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), "--out", "c", "--basis", "d"]) == 1
    assert "b.csv" in capsys.readouterr().err
