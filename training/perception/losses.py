"""How wrong is a predicted saliency map? Equation 6 of the paper, on logits.

    L = alpha * L1 + beta * BCE + (1 - alpha - beta) * KLD

L1 and BCE are means over pixels. KLD is KL(label || prediction) over the two maps, each divided by its sum,
in nats; a label without any mark has no distribution, and its KLD counts as 0: a clean picture teaches
by L1 and BCE alone. The paper does not give alpha and beta; the released code weighs the three terms alike.

Two departures from the released code, both of which the paper's text asks for. It takes the sigmoid of a map
that is a sigmoid already, in BCE and in L1; here the sigmoid is taken once. It computes
KL(prediction || label) and so punishes false alarms instead of misses; here the label comes first.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["LossTerms", "LossWeights", "saliency_loss"]


@dataclass(frozen=True)
class LossWeights:
    """The alpha and beta of the equation; KLD has the rest."""

    alpha: float = 1 / 3
    beta: float = 1 / 3

    def __post_init__(self) -> None:
        if self.alpha < 0 or self.beta < 0 or self.alpha + self.beta > 1:
            raise ValueError(
                f"alpha {self.alpha} and beta {self.beta} must be 0 or more and at most 1 together: "
                "the rest is the weight of KLD"
            )


@dataclass(frozen=True)
class LossTerms:
    """The loss of one picture and what it is made of; scalars, with gradients."""

    total: Tensor
    l1: Tensor
    bce: Tensor
    kld: Tensor


def saliency_loss(logits: Tensor, label: Tensor, weights: LossWeights) -> LossTerms:
    """The loss of one picture: `logits` (H, W) of any float type, `label` (H, W) in 0..1."""
    if logits.shape != label.shape or logits.ndim != 2:
        raise ValueError(f"logits {tuple(logits.shape)} and label {tuple(label.shape)} must be one (H, W)")
    logits, label = logits.float(), label.float()  # sums over a megapixel are beyond bfloat16
    l1 = (logits.sigmoid() - label).abs().mean()
    bce = functional.binary_cross_entropy_with_logits(logits, label)
    kld = _kld(logits, label)
    total = weights.alpha * l1 + weights.beta * bce + (1 - weights.alpha - weights.beta) * kld
    return LossTerms(total, l1, bce, kld)


def _kld(logits: Tensor, label: Tensor) -> Tensor:
    """KL(label || prediction); the logarithm of the normalised prediction never leaves the log domain."""
    mass = label.sum()
    if mass <= 0:
        return (logits * 0.0).sum()  # zero that still belongs to the graph
    log_saliency = functional.logsigmoid(logits)
    log_prediction = log_saliency - torch.logsumexp(log_saliency.flatten(), dim=0)
    truth = label / mass
    return (torch.xlogy(truth, truth) - truth * log_prediction).sum()
