"""Are the correlations those of the papers? Small ones by hand, larger ones against scipy."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from bench.agreement import agreement, fit_logistic, krcc, logistic, plcc, srcc


def row(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_correlations_of_three_rows_by_hand():
    # Ranks 1 2 3 and 1 3 2: rho = 1 - 6 * 2 / (3 * 8) = 1/2; two pairs agree and one does not: tau = 1/3.
    x, y = row(1, 2, 3), row(10, 30, 20)
    assert agreement(x, y) == pytest.approx({"srcc": 1 / 2, "krcc": 1 / 3, "plcc": 1 / 2})


def test_ties_share_ranks_and_are_corrected_for():
    # x ranks 1.5 1.5 3, y ranks 1 2 3: covariance 3/2, squares 3/2 and 2. Tau-b: 2 / sqrt(2 * 3).
    x, y = row(1, 1, 2), row(1, 2, 3)
    assert srcc(x, y) == pytest.approx(1.5 / math.sqrt(1.5 * 2))
    assert krcc(x, y) == pytest.approx(2 / math.sqrt(6))


def test_any_monotone_scale_has_the_same_rank_correlations():
    x = row(1, 2, 3, 4)
    assert srcc(x, np.exp(x)) == krcc(x, np.exp(x)) == 1
    assert srcc(x, -(x**3)) == krcc(x, -(x**3)) == -1


@pytest.mark.parametrize("levels", [3, 8, 1000])
def test_scipy_agrees_with_many_ties_and_with_few(levels: int):
    rng = np.random.default_rng(levels)
    x = rng.integers(0, levels, 120).astype(float)
    y = np.round(x + rng.normal(0, levels / 3, 120))
    assert srcc(x, y) == pytest.approx(stats.spearmanr(x, y)[0])
    assert krcc(x, y) == pytest.approx(stats.kendalltau(x, y)[0])
    assert plcc(x, y) == pytest.approx(stats.pearsonr(x, y)[0])


def test_a_correlation_that_does_not_exist_is_no_number():
    for correlation in (srcc, krcc, plcc):
        assert math.isnan(correlation(row(1, 1, 1), row(1, 2, 3)))
        assert math.isnan(correlation(row(1), row(2)))
    with pytest.raises(ValueError, match="one length"):
        srcc(row(1, 2), row(1))
    with pytest.raises(ValueError, match="no finite number"):
        plcc(row(1, math.nan), row(1, 2))


def test_a_logistic_is_found_again_and_straightens_its_scale():
    x = np.linspace(0, 1, 60)
    y = logistic(x, row(90, 10, 0.6, 0.08))
    assert y[0] == pytest.approx(10 + 80 / (1 + math.exp(0.6 / 0.08)))
    assert fit_logistic(x, y, 4) == pytest.approx([90, 10, 0.6, 0.08], rel=1e-4)
    assert plcc(x, y) < 0.97
    assert plcc(x, y, mapping=4) == pytest.approx(1, abs=1e-8)
    assert plcc(x, y, mapping=5) == pytest.approx(1, abs=1e-3)
    assert plcc(-x, y, mapping=4) == pytest.approx(1, abs=1e-8)  # a measure of error runs the other way


@pytest.mark.parametrize("count", [4, 5])
def test_the_fit_is_as_good_as_scipys(count: int):
    rng = np.random.default_rng(count)
    x = rng.uniform(0, 1, 150)
    y = 100 / (1 + np.exp(-(x - 0.4) / 0.15)) + rng.normal(0, 6, 150)
    ours = fit_logistic(x, y, 4 if count == 4 else 5)
    theirs, _ = optimize.curve_fit(lambda v, *b: logistic(v, np.array(b)), x, y, p0=ours, maxfev=20_000)
    cost = [float(((logistic(x, b) - y) ** 2).sum()) for b in (ours, theirs)]
    assert cost[0] <= cost[1] * 1.001


def test_a_mapping_needs_more_rows_than_it_has_parameters():
    x, y = row(1, 2, 3, 4), row(1, 3, 2, 5)
    assert plcc(x, y, mapping=4) == plcc(x, y)
