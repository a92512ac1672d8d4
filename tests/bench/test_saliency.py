"""Do the five saliency metrics give the figures that one works out by hand, and that other programs give?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import braycurtis
from scipy.stats import entropy, mannwhitneyu, pearsonr, zscore

from bench import saliency

CORNER = np.array([[0, 0], [0, 1]], bool)


def random_maps(seed: int, height: int = 9, width: int = 13) -> tuple[np.ndarray, np.ndarray]:
    """A prediction and a label that agree in part, in 0..1, the label with at least one fixation."""
    rng = np.random.default_rng(seed)
    label = rng.random((height, width)) ** 3
    label[rng.integers(height), rng.integers(width)] = 0.9
    return np.clip(0.5 * label + 0.5 * rng.random(label.shape), 0, 1), label


# ------------------------------------------------------------------------------------ worked by hand


def test_auc_judd_sums_the_trapezoids_between_the_values_at_fixations():
    # thresholds 4 and 2: (0, 0) (0, 1/2) (1/2, 1) (1, 1): 0 + 1/2 * 3/4 + 1/2 * 1
    prediction, fixations = np.array([[4, 3], [2, 1]]), np.array([[1, 0], [1, 0]])
    assert saliency.auc_judd(prediction, fixations) == pytest.approx(0.875)


def test_nss_is_the_prediction_at_fixations_in_deviations_from_its_mean():
    # mean 2, variance (1 + 1 + 1 + 9) / 4 = 3, so (5 - 2) / sqrt(3)
    assert saliency.nss(np.array([[1, 1], [1, 5]]), CORNER) == pytest.approx(math.sqrt(3))


def test_cc_is_the_correlation_of_all_pixels():
    # products of deviations 2.25 - 0.25 - 0.25 + 2.25 = 4, squares 5 and 5
    assert saliency.cc(np.array([[1, 2], [3, 4]]), np.array([[1, 3], [2, 4]])) == pytest.approx(0.8)


def test_sim_is_the_shared_mass():
    # min(1/4, 1/2) twice
    assert saliency.sim(np.ones((2, 2)), np.array([[2, 2], [0, 0]])) == pytest.approx(0.5)


def test_kld_is_measured_from_the_label():
    half = np.array([[2, 2], [0, 0]])
    assert saliency.kld(np.ones((2, 2)), half) == pytest.approx(math.log(2))
    # a miss: half of the label's mass lies where the prediction has none, so the epsilon bounds it
    missed = 0.5 * math.log(0.25 / 0.5) + 0.5 * math.log(0.25 / 2.2204e-16)
    assert saliency.kld(half, np.ones((2, 2))) == pytest.approx(missed)


# ------------------------------------------------------------------------------------ other programs


def test_the_figures_are_those_of_another_saliency_package():
    # computed once with pysaliency 0.2.22 (NSS, CC, SIM, MIT_KLDiv) on these very maps
    y, x = np.mgrid[0:12, 0:16]
    label = np.exp(-((y - 4) ** 2 + (x - 10) ** 2) / 12)
    stripes = ((7 * y * y + 3 * x * y + 5 * x) % 23) / 46
    prediction = stripes + 0.5 * np.exp(-((y - 5) ** 2 + (x - 9) ** 2) / 16)
    measured = saliency.all_metrics(prediction, label)
    assert saliency.fixations_of(label).sum() == 25
    assert measured["nss"] == pytest.approx(1.142721162117967)
    assert measured["cc"] == pytest.approx(0.5535106326171196)
    assert measured["sim"] == pytest.approx(0.5825946527560358)
    assert measured["kld"] == pytest.approx(0.5344832105861175)


@pytest.mark.parametrize("seed", range(5))
def test_scipy_gives_the_same_nss_cc_sim_and_kld(seed):
    prediction, label = random_maps(seed)
    measured = saliency.all_metrics(prediction, label)
    guess, truth = prediction.ravel() / prediction.sum(), label.ravel() / label.sum()
    assert measured["nss"] == pytest.approx(
        np.asarray(zscore(prediction.ravel()))[label.ravel() >= 0.5].mean()
    )
    assert measured["cc"] == pytest.approx(pearsonr(prediction.ravel(), label.ravel())[0])
    assert measured["sim"] == pytest.approx(1 - braycurtis(guess, truth))
    assert measured["kld"] == pytest.approx(entropy(truth, guess))


def auc_judd_of_the_paper(prediction: np.ndarray, fixations: np.ndarray) -> float:
    """The published loop over fixations, for maps without ties."""
    at_fixations = np.sort(prediction[fixations])[::-1]
    hits, pixels = len(at_fixations), prediction.size
    true_rate, false_rate = np.zeros(hits + 2), np.zeros(hits + 2)
    true_rate[-1] = false_rate[-1] = 1
    for index, threshold in enumerate(at_fixations, start=1):
        true_rate[index] = index / hits
        false_rate[index] = ((prediction >= threshold).sum() - index) / (pixels - hits)
    return float(np.trapezoid(true_rate, false_rate))


@pytest.mark.parametrize("seed", range(5))
def test_auc_judd_without_ties_is_that_of_the_published_loop(seed):
    prediction, label = random_maps(seed)
    fixations = saliency.fixations_of(label)
    expected = auc_judd_of_the_paper(prediction, fixations)
    assert saliency.auc_judd(prediction, fixations) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_auc_judd_is_the_rank_statistic_where_every_value_occurs_at_a_fixation(seed):
    rng = np.random.default_rng(seed)
    prediction = rng.integers(0, 4, (12, 12)).astype(float)
    fixations = rng.random((12, 12)) < 0.4
    statistic = mannwhitneyu(prediction[fixations], prediction[~fixations]).statistic
    area = statistic / (fixations.sum() * (~fixations).sum())
    assert saliency.auc_judd(prediction, fixations) == pytest.approx(area)


# ------------------------------------------------------------------------------------ properties


@given(st.integers(0, 10_000))
def test_a_perfect_prediction_gets_the_best_figures(seed):
    _, label = random_maps(seed)
    measured = saliency.all_metrics(label, label)
    assert [measured["auc_judd"], measured["cc"], measured["sim"]] == pytest.approx([1.0, 1.0, 1.0])
    assert measured["kld"] == pytest.approx(0.0, abs=1e-9)


@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_the_scale_of_the_prediction_does_not_count(seed, factor):
    prediction, label = random_maps(seed)
    assert saliency.all_metrics(factor * prediction, label) == pytest.approx(
        saliency.all_metrics(prediction, label)
    )


@given(st.integers(0, 10_000))
def test_a_haze_over_the_prediction_costs_sim_and_kld_and_nothing_else(seed):
    _, label = random_maps(seed)
    clear, hazy = saliency.all_metrics(label, label), saliency.all_metrics(label + 0.3, label)
    assert [hazy[name] for name in ("auc_judd", "nss", "cc")] == pytest.approx(
        [clear[name] for name in ("auc_judd", "nss", "cc")]
    )
    assert hazy["sim"] < clear["sim"]
    assert hazy["kld"] > clear["kld"]


@given(st.integers(0, 10_000))
def test_auc_judd_sees_the_order_of_the_values_only(seed):
    prediction, label = random_maps(seed)
    fixations = saliency.fixations_of(label)
    assert saliency.auc_judd(prediction**3, fixations) == pytest.approx(
        saliency.auc_judd(prediction, fixations)
    )


@given(st.integers(0, 10_000))
def test_where_the_pixels_lie_does_not_count(seed):
    prediction, label = random_maps(seed)
    turned = saliency.all_metrics(prediction[::-1].T, label[::-1].T)
    assert turned == pytest.approx(saliency.all_metrics(prediction, label))


# ------------------------------------------------------------------------------------ the undefined


def test_a_label_below_the_level_leaves_auc_and_nss_undefined_and_the_others_defined():
    prediction, label = random_maps(1)
    measured = saliency.all_metrics(prediction, 0.4 * label)
    undefined = {name for name in saliency.METRICS if math.isnan(measured[name])}
    assert undefined == {"auc_judd", "nss"}


def test_an_empty_label_leaves_every_metric_undefined():
    measured = saliency.all_metrics(random_maps(1)[0], np.zeros((9, 13)))
    assert all(math.isnan(value) for value in measured.values())


def test_a_constant_prediction_is_chance_for_auc_and_undefined_for_nss_and_cc():
    _, label = random_maps(1)
    measured = saliency.all_metrics(np.full(label.shape, 0.1), label)
    assert measured["auc_judd"] == 0.5
    assert math.isnan(measured["nss"])
    assert math.isnan(measured["cc"])


def test_a_frame_that_is_fixated_everywhere_has_no_auc():
    assert math.isnan(saliency.auc_judd(np.array([[1.0, 2.0]]), np.ones((1, 2))))


@pytest.mark.parametrize(
    ("prediction", "label", "said"),
    [
        (np.ones((2, 2)), np.ones((2, 3)), "resize"),
        (np.ones((2, 2, 1)), np.ones((2, 2)), "shape"),
        (np.ones((0, 2)), np.ones((0, 2)), "shape"),
        (np.full((2, 2), -0.1), np.ones((2, 2)), "negative"),
        (np.ones((2, 2)), np.full((2, 2), np.nan), "non-finite"),
    ],
)
def test_what_is_no_pair_of_maps_is_refused(prediction, label, said):
    with pytest.raises(ValueError, match=said):
        saliency.all_metrics(prediction, label)


@pytest.mark.parametrize("level", [0.0, 1.1, math.nan])
def test_a_level_outside_the_unit_interval_is_refused(level):
    with pytest.raises(ValueError, match="level"):
        saliency.fixations_of(np.ones((2, 2)), level)


def test_the_average_leaves_the_undefined_out_and_says_how_many_counted():
    first = dict.fromkeys(saliency.METRICS, 0.5)
    second = {name: math.nan if name == "nss" else 1.0 for name in saliency.METRICS}
    means = saliency.average([first, second])
    assert (means["cc"], means["cc_pairs"]) == (0.75, 2)
    assert (means["nss"], means["nss_pairs"]) == (0.5, 1)
    assert math.isnan(saliency.average([])["cc"])
