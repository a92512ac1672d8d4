"""The simulation of a judge that errs."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench import results_file
from bench.noisy_judge import (
    LEVEL,
    PARAMETERS,
    Setting,
    figures_of,
    main,
    margins,
    none_better,
    on_measured,
    one_better,
)
from bench.noisy_scores import ResidualsError, alike, apart, gaussian, read_measured, resampled, shared
from orchestrator.rounds import widened

SPREAD = 5.0
EQUAL_PAIRS = 1.645 * SPREAD
JOBS = 1500
NOISE = (2 * np.sqrt(LEVEL * (1 - LEVEL) / JOBS)) + 0.001


def kept_per_round(margin: float, candidates: int = 1, errors=gaussian) -> float:
    found = figures_of(Setting(errors(SPREAD), none_better, margin, candidates), JOBS, seed=3)
    return found["kept though no better, per first round"]


def measured_file(path: Path, sources: int = 60, **also) -> Path:
    rng = np.random.default_rng(8)
    pairs = []
    for source in range(sources):
        for _ in range(3):
            true = np.clip(rng.uniform(20, 90) + rng.normal(0, 3, 3), 0, 100)
            told = np.clip(true + rng.normal(0, 4, 3), 0, 100)
            pairs.append({"source": source, "true": true.tolist(), "told": told.tolist()})
    path.write_text(json.dumps({"pairs": pairs} | also))
    return path


@pytest.mark.parametrize("margin", [0.0, 4.0])
def test_a_judge_without_error_keeps_nothing_that_is_no_better(margin: float) -> None:
    found = figures_of(Setting(gaussian(0.0), none_better, margin, 8), 20, seed=1)

    assert found["kept though no better, per job"] == 0
    assert found["jobs that end truly worse"] == 0


def test_a_judge_without_error_keeps_every_better_one() -> None:
    found = figures_of(Setting(gaussian(0.0), one_better(6.0), 4.0, 3), 20, seed=1)

    assert found["better one kept, per first round"] == 1
    assert found["mean true gain per job"] == pytest.approx(6.0)
    assert found["claimed beyond the true gain, when kept"] == pytest.approx(0.0, abs=1e-6)


def test_tolerances_cost_more_of_the_better_ones_where_a_repair_helps_one_score_alone() -> None:
    in_all, in_one = (
        figures_of(Setting(apart(SPREAD), one_better(2 * SPREAD, in_one=alone), 0.0, 1), 300, seed=2)
        for alone in (False, True)
    )

    name = "better one kept, per first round"
    assert in_one[name] < in_all[name] - 0.2


def test_without_a_margin_half_of_the_equal_ones_are_kept() -> None:
    assert kept_per_round(0.0) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("errors", [gaussian, shared, alike, apart])
def test_the_margin_of_equal_pairs_holds_its_level_for_one_pair(errors) -> None:
    assert kept_per_round(EQUAL_PAIRS, errors=errors) <= LEVEL + NOISE


def test_errors_that_a_whole_source_shares_change_no_decision() -> None:
    assert kept_per_round(EQUAL_PAIRS, 3, shared) == pytest.approx(
        kept_per_round(EQUAL_PAIRS, 3, gaussian), abs=2 * NOISE
    )


def test_the_best_of_eight_breaks_a_margin_for_one_pair_and_keeps_the_one_for_eight() -> None:
    assert kept_per_round(EQUAL_PAIRS, 8) > 2 * LEVEL
    assert kept_per_round(widened(EQUAL_PAIRS, 8), 8) <= LEVEL + NOISE


def test_a_margin_widened_for_candidates_and_rounds_holds_for_a_whole_job() -> None:
    margin = widened(EQUAL_PAIRS, 3 * PARAMETERS.max_iterations)

    found = figures_of(Setting(gaussian(SPREAD), none_better, margin, 3), JOBS, seed=4)

    assert found["kept though no better, per job"] <= LEVEL + NOISE


def test_a_simulated_margin_is_the_one_that_a_gain_has_to_exceed_in_the_end() -> None:
    gains, errors = one_better(10.0), gaussian(0.0)

    kept, missed = (figures_of(Setting(errors, gains, m, 8), 3, seed=1) for m in (9.9, 10.1))

    assert kept["better one kept, per job"] == 1
    assert missed["better one kept, per job"] == 0
    assert margins(4.0, SPREAD, 3)["scorer's, for the candidates: the loop's"] == widened(4.0, 3)


def test_the_same_seed_gives_the_same_figures() -> None:
    setting = Setting(apart(SPREAD), none_better, 2.0, 3)

    assert figures_of(setting, 30, seed=5) == figures_of(setting, 30, seed=5)
    assert figures_of(setting, 30, seed=5) != figures_of(setting, 30, seed=6)


@pytest.mark.parametrize("errors", [gaussian, shared, alike, apart])
def test_every_model_has_the_spread_of_a_difference_that_it_is_asked_for(errors) -> None:
    rng = np.random.default_rng(2)
    drawn = np.stack([errors(SPREAD)(rng, 1, 1) @ (0.3, 0.4, 0.3) for _ in range(4000)])

    assert np.std(drawn[:, 1] - drawn[:, 0]) == pytest.approx(SPREAD, rel=0.05)


def test_measured_errors_drawn_again_differ_as_much_as_the_measured_ones(tmp_path: Path) -> None:
    measured = read_measured(measured_file(tmp_path / "pairs.json", sources=200))
    rng = np.random.default_rng(2)

    drawn = np.stack([resampled(measured)(rng, 1, 1) @ (0.3, 0.4, 0.3) for _ in range(4000)])

    assert np.std(drawn[:, 1] - drawn[:, 0]) == pytest.approx(measured.difference_spread, rel=0.1)


def test_measured_pairs_are_judged_as_they_are(tmp_path: Path) -> None:
    measured = read_measured(measured_file(tmp_path / "pairs.json"))

    strict, lax = on_measured(measured, 100.0), on_measured(measured, 0.0)

    assert strict["pairs"] == 60 * 6
    assert strict["better ones kept"] == strict["kept though no better"] == 0
    assert lax["better ones kept"] > lax["kept though no better"] > 0


def test_the_program_keeps_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results_file, "RESULTS", tmp_path)
    path = measured_file(tmp_path / "pairs.json", decision_margin=4.5)

    main(["--residuals", str(path), "--jobs", "6"])

    kept = json.loads((tmp_path / "noisy_judge.json").read_text())["figures"]
    assert json.loads(capsys.readouterr().out)["figures"] == kept
    assert kept["scorer's margin"] == 4.5
    assert "none" not in kept["margins that hold the level"]["gaussian, 8 candidates, per job"]
    assert kept["by truth"]["none better"]["resampled"]["3"]["twice the scorer's"]["margin"] == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jobs", "0"], "--jobs is at least 1"),
        (["--spread", "-1", "--margin", "4"], "--spread is 0 to 50 points"),
        (["--spread", "3", "--margin", "nan"], "--margin 0 to 100"),
        (["--residuals", "nowhere.json"], "nowhere.json cannot be read: No such file"),
    ],
)
def test_bad_arguments_are_refused_in_words(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)

    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON of measured pairs"),
        ("[]", "is no JSON of measured pairs"),
        ('{"pears": []}', "lacks 'pairs'"),
        ('{"pairs": [{"true": [1, 2, 3], "told": [1, 2, 3]}]}', "lacks 'source'"),
        ('{"pairs": [{"source": 1, "true": [1, 2], "told": [1, 2, 3]}]}', "three scores"),
        ('{"pairs": [{"source": 1, "true": [1, 2, 3], "told": [1, 2, 300]}]}', "three scores"),
        ('{"pairs": [{"source": 1, "true": [1, 2, 3], "told": [1, 2, NaN]}]}', "three scores"),
        ('{"pairs": [{"source": 1, "true": [1, 2, 3], "told": [1, 2, 3]}]}', "only 0 sources have two"),
        ('{"pairs": [], "decision_margin": "4"}', "is no JSON of measured pairs"),
    ],
)
def test_a_file_that_is_not_of_measured_pairs_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "pairs.json"
    path.write_text(content)

    with pytest.raises(ResidualsError, match=message):
        read_measured(path)
