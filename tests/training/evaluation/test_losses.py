"""Are the losses those of the two stages and of pairs? Golden values, worked out by hand."""

import math

import numpy as np
import pytest
import torch

from training.evaluation.losses import (
    expected_score,
    level_loss,
    level_targets,
    overall,
    pair_loss,
    pearson,
    score_loss,
)

NAN = math.nan


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


# ------------------------------------------------------------------------------------ levels


def test_a_hard_level_is_the_fifth_of_the_scale_that_the_score_lies_in():
    levels = level_targets(torch.tensor([0.0, 20.0, 20.1, 50.0, 80.0, 100.0])).argmax(dim=-1)
    assert levels.tolist() == [0, 0, 1, 2, 3, 4]


def test_a_soft_level_is_shared_by_the_two_nearest_so_that_its_mean_is_the_score():
    targets = level_targets(torch.tensor([60.0, 35.0, 3.0, 90.0]), soft=True)
    assert targets[0].tolist() == pytest.approx([0, 0, 0.5, 0.5, 0])
    assert targets[1].tolist() == pytest.approx([0, 0.75, 0.25, 0, 0])
    assert targets[2].tolist() == [1, 0, 0, 0, 0]
    assert targets[3].tolist() == [0, 0, 0, 0, 1]


def test_cross_entropy_of_levels():
    # logits (ln 4, 0, 0, 0, 0) give (1/2, 1/8, 1/8, 1/8, 1/8): ln 2 for bad, 2 ln 2 for half bad, half poor.
    logits = torch.tensor([[[math.log(4), 0, 0, 0, 0], [0, 0, 0, 0, 0]]])
    assert level_loss(logits, level_targets(torch.tensor([[5.0, 50.0]]))).tolist() == pytest.approx(
        [math.log(2), math.log(5)]
    )
    soft = level_targets(torch.tensor([[20.0, NAN]]), soft=True)
    assert level_loss(logits, soft).tolist() == pytest.approx([2 * math.log(2), 0])


def test_levels_are_averaged_over_what_was_rated():
    logits = torch.zeros(2, 1, 5)
    targets = level_targets(column(NAN, 50.0))
    assert level_loss(logits, targets).item() == pytest.approx(math.log(5))


def test_the_expected_score_is_the_mean_place_of_the_levels():
    assert expected_score(torch.zeros(5)).item() == pytest.approx(50)
    assert expected_score(torch.tensor([-99.0, -99.0, -99.0, 0.0, 0.0])).item() == pytest.approx(80)


# ------------------------------------------------------------------------------------ scores


def test_mse_and_correlation_of_a_dimension():
    # Differences 0, -1/2, 1/2; covariance 1/12 and both variances 1/6, so that r = 1/2.
    mse, apart = score_loss(column(0.0, 0.5, 1.0), column(0.0, 1.0, 0.5))
    assert mse.item() == pytest.approx(1 / 6)
    assert apart.item() == pytest.approx(0.5)


def test_dimensions_are_correlated_apart():
    """As one list the two would correlate at 0.97, though either is exactly the wrong way round."""
    scores = torch.tensor([[0.1, 0.8], [0.2, 0.85], [0.3, 0.9]])
    targets = torch.tensor([[0.3, 0.9], [0.2, 0.85], [0.1, 0.8]])
    assert np.corrcoef(scores.flatten(), targets.flatten())[0, 1] > 0.8
    assert score_loss(scores, targets)[1].tolist() == pytest.approx([2, 2], abs=1e-5)


def test_what_is_remembered_is_correlated_too_and_gets_no_gradient():
    now, truth = column(0.5).requires_grad_(), column(1.0)
    earlier = column(0.0, 1.0).requires_grad_()
    mse, apart = score_loss(now, truth, (earlier, column(0.0, 0.5)))
    assert mse.item() == pytest.approx(0.25)  # of the new one alone
    assert apart.item() == pytest.approx(0.5)  # the three rows of the first test
    apart.sum().backward()
    assert now.grad is not None
    assert now.grad.abs().sum() > 0
    assert earlier.grad is None


def test_two_rows_have_no_correlation_yet():
    scores = column(0.1, 0.9).requires_grad_()
    _, apart = score_loss(scores, column(0.9, 0.1))
    assert apart.item() == 0
    apart.sum().backward()
    assert scores.grad is not None
    assert scores.grad.tolist() == [[0], [0]]


def test_scores_that_hardly_differ_do_not_explode():
    # Deviation of 0.0082 counts as 0.02: r = (0.01 / 3) / (0.02 * sqrt(1/6)) = 0.408, not 1.
    x = torch.tensor([0.5, 0.51, 0.49])
    assert pearson(x, torch.tensor([0.5, 1.0, 0.0])).item() == pytest.approx(0.01 / 3 / 0.02 * math.sqrt(6))
    constant = torch.full((3, 1), 0.5, requires_grad=True)
    score_loss(constant, column(0.0, 0.5, 1.0))[1].sum().backward()
    assert constant.grad is not None
    assert torch.isfinite(constant.grad).all()
    assert constant.grad[2] < 0 < constant.grad[0]  # towards the truth


def test_edits_that_were_not_rated_have_no_part():
    scores, targets = column(0.0, 0.7, 0.5, 1.0), column(0.0, NAN, 1.0, 0.5)
    mse, apart = score_loss(scores, targets)
    assert mse.item() == pytest.approx(1 / 6)
    assert apart.item() == pytest.approx(0.5)
    assert torch.equal(score_loss(scores, torch.full((4, 1), NAN))[0], torch.zeros(1))


def test_the_correlation_is_that_of_numpy():
    rng = np.random.default_rng(4)
    x, y = rng.random(50), rng.random(50)
    assert pearson(torch.tensor(x), torch.tensor(y)).item() == pytest.approx(np.corrcoef(x, y)[0, 1])


def test_overall_is_the_weighted_geometric_mean_of_the_paper():
    # 16^0.3 * 81^0.4 * 16^0.3 = 16^0.6 * 81^0.4
    assert overall(torch.tensor([[16.0, 81.0, 16.0]])).item() == pytest.approx(16**0.6 * 81**0.4, rel=1e-5)


# ------------------------------------------------------------------------------------ pairs


def test_equal_edits_are_a_b_or_tie_with_equal_odds():
    a = column(50.0, 50.0, 50.0)
    assert pair_loss(a, a, column(1.0, 0.0, -1.0), scale=10).item() == pytest.approx(math.log(3))


def test_the_odds_are_davidsons():
    # d = 2 ln 2: odds of a : b : tie are 2 : 1/2 : 1, together 7/2.
    a, b = column(50 + 20 * math.log(2)), column(50.0)
    for preferred, probability in ((1.0, 4 / 7), (-1.0, 1 / 7), (0.0, 2 / 7)):
        assert pair_loss(a, b, column(preferred), scale=10).item() == pytest.approx(-math.log(probability))
    # with tie = 4 instead of 1 the odds are 2 : 1/2 : 4
    assert pair_loss(a, b, column(0.0), scale=10, tie=4).item() == pytest.approx(-math.log(8 / 13))


def test_a_tie_pulls_scores_together_and_a_preference_pushes_them_apart():
    for preferred, sign in ((1.0, -1), (-1.0, 1), (0.0, 1)):
        a, b = column(60.0).requires_grad_(), column(50.0).requires_grad_()
        pair_loss(a, b, column(preferred), scale=10).sum().backward()
        assert a.grad is not None
        assert b.grad is not None
        assert torch.sign(a.grad).item() == sign
        assert b.grad.item() == pytest.approx(-a.grad.item())


def test_pairs_nobody_was_asked_about_have_no_part_and_bad_settings_are_refused():
    a, b = torch.tensor([[50.0, 10.0], [80.0, 10.0]]), torch.tensor([[50.0, 90.0], [20.0, 90.0]])
    preferred = torch.tensor([[0.0, NAN], [NAN, NAN]])
    assert pair_loss(a, b, preferred, scale=10).tolist() == pytest.approx([math.log(3), 0])
    with pytest.raises(ValueError, match="must be above 0"):
        pair_loss(a, b, preferred, scale=0)
