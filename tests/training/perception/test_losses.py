"""Is the loss of the paper's equation 6, and does its gradient lead where it should?"""

import math

import numpy as np
import pytest
import torch

from bench import saliency
from training.perception.losses import LossWeights, saliency_loss


def test_the_loss_is_the_one_worked_out_by_hand():
    # logits 0: every saliency 1/2. L1 = 1/2. BCE = ln 2. Prediction (1/2, 1/2), label (1, 0): KLD = ln 2.
    terms = saliency_loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), LossWeights(0.2, 0.3))
    assert terms.l1.item() == pytest.approx(0.5)
    assert terms.bce.item() == pytest.approx(math.log(2))
    assert terms.kld.item() == pytest.approx(math.log(2))
    assert terms.total.item() == pytest.approx(0.2 * 0.5 + 0.3 * math.log(2) + 0.5 * math.log(2))


def test_the_divergence_is_taken_from_the_label():
    # saliency (3/4, 1/4), label (1/2, 1/2): 1/2 ln(2/3) + 1/2 ln 2, not 3/4 ln(3/2) + 1/4 ln(1/2)
    logits = torch.tensor([[math.log(3), -math.log(3)]])
    terms = saliency_loss(logits, torch.tensor([[0.5, 0.5]]), LossWeights())
    assert terms.kld.item() == pytest.approx(0.5 * math.log(2 / 3) + 0.5 * math.log(2))


def test_the_divergence_is_that_of_the_metric():
    rng = np.random.default_rng(5)
    logits, label = rng.normal(size=(7, 9)), rng.random((7, 9)) ** 4
    terms = saliency_loss(torch.tensor(logits), torch.tensor(label), LossWeights())
    assert terms.kld.item() == pytest.approx(saliency.kld(1 / (1 + np.exp(-logits)), label), rel=1e-5)


def test_a_right_and_sure_prediction_costs_nothing():
    """With a second sigmoid the saliency would end between 0.5 and 0.73, and the loss above 0.3."""
    label = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    terms = saliency_loss((label * 2 - 1) * 30, label, LossWeights())
    assert terms.total.item() == pytest.approx(0.0, abs=1e-6)


def test_the_gradient_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(3, 4, generator=generator, requires_grad=True)
    label = torch.rand(3, 4, generator=generator)
    saliency_loss(logits, label, LossWeights(0.2, 0.3)).total.backward()
    assert logits.grad is not None
    step = 1e-2
    for place in ((0, 0), (1, 2), (2, 3)):
        nudge = torch.zeros(3, 4)
        nudge[place] = step
        above = saliency_loss(logits.detach() + nudge, label, LossWeights(0.2, 0.3)).total
        below = saliency_loss(logits.detach() - nudge, label, LossWeights(0.2, 0.3)).total
        assert logits.grad[place].item() == pytest.approx((above - below).item() / (2 * step), abs=2e-4)


def test_the_gradient_raises_what_is_marked_and_lowers_the_rest_however_wrong_the_start():
    label = torch.tensor([[1.0, 0.0]])
    logits = torch.tensor([[-40.0, 40.0]], requires_grad=True)
    saliency_loss(logits, label, LossWeights()).total.backward()
    assert logits.grad is not None
    assert logits.grad[0, 0] < -0.1
    assert logits.grad[0, 1] > 0.1


def test_descending_the_loss_recovers_the_label():
    label = torch.rand(6, 6, generator=torch.Generator().manual_seed(1))
    logits = torch.zeros(6, 6, requires_grad=True)
    descent = torch.optim.Adam([logits], lr=0.2)
    for _ in range(100):
        descent.zero_grad()
        saliency_loss(logits, label, LossWeights()).total.backward()
        descent.step()
    torch.testing.assert_close(logits.detach().sigmoid(), label, atol=0.02, rtol=0)


def test_a_picture_without_a_mark_teaches_by_l1_and_bce_alone():
    logits = torch.zeros(2, 2, requires_grad=True)
    terms = saliency_loss(logits, torch.zeros(2, 2), LossWeights())
    terms.total.backward()
    assert terms.kld.item() == 0.0
    assert logits.grad is not None
    assert (logits.grad > 0).all()


def test_logits_of_half_precision_are_summed_in_single():
    logits = torch.full((512, 512), -3.0, dtype=torch.bfloat16)
    label = torch.zeros(512, 512)
    label[:9, :9] = 1.0
    terms = saliency_loss(logits, label, LossWeights())
    assert terms.kld.dtype == torch.float32
    assert terms.kld.item() == pytest.approx(math.log(512 * 512 / 81), rel=1e-4)


@pytest.mark.parametrize(("alpha", "beta"), [(-0.1, 0.5), (0.5, -0.1), (0.7, 0.4)])
def test_weights_that_leave_less_than_nothing_for_kld_are_refused(alpha, beta):
    with pytest.raises(ValueError, match="weight of KLD"):
        LossWeights(alpha, beta)


def test_maps_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="must be one"):
        saliency_loss(torch.zeros(2, 2), torch.zeros(2, 3), LossWeights())
