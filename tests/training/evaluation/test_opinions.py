"""Are opinions processed as the paper and BT.500 say? All numbers are worked out by hand."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from training.evaluation import opinions as command
from training.evaluation.opinions import Rating, Rules, opinions, read_ratings
from training.labelled_files import BadRowsError

# Mean 1, standard deviation sqrt(2), kurtosis 3.51: the 4 lies 3 out, beyond 2 sqrt(2) = 2.83.
ONE_OUT = (0, 0, 0, 0, 1, 1, 2, 4)


def rated(item: str, scores: tuple[float, ...], dimension: str = "visual") -> list[Rating]:
    """Ratings of one item by raters a, b, c, ..."""
    return [Rating(chr(97 + i), item, dimension, score) for i, score in enumerate(scores)]


def agreed(count: int) -> list[Rating]:
    """Items on which all eight raters agree, of different scores."""
    return [rating for i in range(count) for rating in rated(f"agreed{i}", (float(i % 4),) * 8)]


def test_scores_are_those_of_equation_1():
    # Each rater rates two items, so that z is -1/sqrt(2) and 1/sqrt(2), for c the other way round. Item x:
    # mean z = -sqrt(2)/6, its deviation sqrt(2/3), the half width 1.96 sqrt(2/3) / sqrt(3).
    found = opinions(rated("x", (1, 2, 5)) + rated("y", (3, 5, 1)))
    x, y = found.scores
    assert (x.item, x.dimension, x.ratings) == ("x", "visual", 3)
    assert x.score == pytest.approx(100 * (3 - math.sqrt(2) / 6) / 6)
    assert y.score == pytest.approx(100 * (3 + math.sqrt(2) / 6) / 6)
    assert x.half_width == pytest.approx(100 / 6 * 1.96 * math.sqrt(2) / 3)
    assert [rater.verdict for rater in found.raters] == ["kept"] * 3


def test_a_rating_beyond_two_deviations_is_left_out_and_its_rater_kept_at_five_percent():
    # One outlier in 20 ratings is 5 %, and not more.
    found = opinions(rated("x", ONE_OUT) + agreed(19))
    x = found.scores[0]
    assert x.ratings == 7
    h = found.raters[7]
    assert (h.name, h.ratings, h.high, h.low, h.verdict) == ("h", 20, 1, 0, "kept")
    assert found.scores[1].ratings == 8
    # h's z-scores are taken without the outlier: those of `agreed` are the same for everybody.
    one, other = opinions(agreed(19)).scores[:2]
    z = np.array([i % 4 for i in range(19)], float)
    z = (z - z.mean()) / z.std(ddof=1)
    assert one.score == pytest.approx(100 * (z[0] + 3) / 6)
    assert other.score == pytest.approx(100 * (z[1] + 3) / 6)


def test_a_rater_with_more_than_five_percent_of_outliers_has_no_say_at_all():
    found = opinions(rated("x", ONE_OUT) + agreed(18))
    assert found.raters[7].verdict == "outliers"
    assert [score.ratings for score in found.scores] == [7] * 19


def test_by_the_rule_of_bt500_a_rater_with_outliers_on_one_side_is_kept():
    # P = 1, Q = 0: |P - Q| / (P + Q) = 1.
    found = opinions(rated("x", ONE_OUT) + agreed(18), Rules(two_sided=0.3))
    assert found.raters[7].verdict == "kept"
    assert found.scores[0].ratings == 7  # the outlier is left out all the same
    low = tuple(4 - score for score in ONE_OUT)
    both = opinions(rated("x", ONE_OUT) + rated("y", low) + agreed(18), Rules(two_sided=0.3))
    h = both.raters[7]
    assert (h.high, h.low, h.verdict) == (1, 1, "outliers")


def test_ratings_that_are_not_bell_shaped_need_more_than_four_deviations():
    # Kurtosis 31/6 > 4: the 5 lies 2.27 deviations out, below sqrt(20).
    found = opinions(rated("x", (3, 3, 3, 3, 3, 3, 5)) + rated("y", (1, 1, 1, 1, 1, 1, 1)))
    assert found.scores[0].ratings == 7
    assert all(rater.high == rater.low == 0 for rater in found.raters)


def test_dimensions_are_processed_apart_and_raters_judged_over_all():
    visual = rated("x", ONE_OUT) + agreed(9)
    editing = [rating._replace(dimension="editing") for rating in agreed(10)]
    found = opinions(visual + editing)
    assert found.raters[7].ratings == 20
    assert found.raters[7].verdict == "kept"  # alone, the first dimension has 10 %
    assert {(s.item, s.dimension) for s in found.scores} >= {("x", "visual"), ("agreed0", "editing")}


def test_a_rater_who_always_says_the_same_has_no_z_scores():
    found = opinions([*rated("x", (1, 3)), *rated("y", (2, 3))])
    assert [rater.verdict for rater in found.raters] == ["kept", "constant"]
    assert [score.ratings for score in found.scores] == [1, 1]
    assert found.scores[0].half_width is None


def test_an_item_without_a_rating_left_is_named():
    found = opinions(
        [Rating("a", "x", "visual", 1), Rating("a", "y", "visual", 2), Rating("b", "z", "visual", 3)]
    )
    assert found.lost == (("z", "visual"),)
    assert [score.item for score in found.scores] == ["x", "y"]


def test_a_second_rating_of_the_same_and_numbers_that_are_none_are_refused():
    with pytest.raises(ValueError, match="rates item 'x' twice in 'visual'"):
        opinions([*rated("x", (1,)), *rated("x", (2,))])
    with pytest.raises(ValueError, match="no finite number"):
        opinions(rated("x", (math.nan,)))
    with pytest.raises(ValueError, match="no ratings"):
        opinions([])


def test_thousands_of_honest_ratings_give_the_order_of_the_truth_back():
    rng = np.random.default_rng(3)
    truth = rng.uniform(1, 5, 200)
    ratings = [
        Rating(f"r{r}", f"i{i}", "visual", float(truth[i] * scale + shift + rng.normal(0, 0.4)))
        for r, (scale, shift) in enumerate(
            zip(rng.uniform(0.6, 1.0, 15), rng.normal(0, 0.2, 15), strict=True)
        )
        for i in range(200)
    ] + [Rating("mad", f"i{i}", "visual", float(rng.uniform(-4, 9))) for i in range(200)]
    found = opinions(ratings)
    assert {rater.name for rater in found.raters if rater.verdict == "outliers"} == {"mad"}
    scores = np.array([score.score for score in found.scores])
    assert np.corrcoef(scores, truth)[0, 1] > 0.98
    assert 0 <= scores.min() < scores.max() <= 100


def test_the_command_writes_scores_and_the_screening_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    table = tmp_path / "ratings.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([command.COLUMNS, *rated("x", ONE_OUT), *agreed(18)])
    assert len(read_ratings(table)) == 8 * 19
    out, raters = tmp_path / "scores.csv", tmp_path / "raters.csv"
    assert command.main([str(table), "--out", str(out), "--raters", str(raters)]) == 0
    assert capsys.readouterr().out == "19 scores, 0 lost, 7 of 8 raters kept\n"
    assert out.read_text().splitlines()[0] == "item,dimension,score,half_width,ratings"
    assert raters.read_text().splitlines()[8] == "h,19,1,0,outliers"


def test_bad_cells_are_named_by_row_and_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    table = tmp_path / "ratings.csv"
    table.write_text("rater,item,dimension,score\na,x,visual,4\nb,x,visual,good\nc,x,visual,nan\n")
    with pytest.raises(BadRowsError, match=r"row 3, column score: 'good' is no number; row 4, column score"):
        read_ratings(table)
    table.write_text("rater,item,score\na,x,4\n")
    assert command.main([str(table), "--out", str(tmp_path / "out.csv")]) == 1
    assert "row 1: no column dimension; the columns are rater, item, score" in capsys.readouterr().err
