"""How wrong are levels, scores and preferences? The losses of the two stages of the paper, and of pairs.

Stage 1 is cross-entropy over five text levels. Their places on the scale are the middles of five equal
parts, 10, 30, 50, 70, 90. A hard target is the level in whose part the score lies (a score on a border
belongs to the lower level); a soft one divides itself between the two nearest levels so that its mean is
the score, which the outermost 10 points at either end are too far out for.

Stage 2 is Eq. 8, the sum over dimensions of MSE + (1 - PLCC). Scores are taken as 0..1 here: the paper does
not say, and in points the first term would be thousands of times the second, as it is in the released code.
PLCC is that of one dimension over the edits of this step and those remembered from earlier ones, which
carry no gradient; the release correlates all three dimensions as one list, so that guessing their means
pays. A standard deviation below 0.02 counts as 0.02, as in the release: a fresh head gives the same to
everything, and dividing by next to nothing would tear it away.

Pairs: Davidson's model, Bradley and Terry's with ties. With strengths exp(s_a / scale) and exp(s_b / scale)
the odds of a : b : tie are  e^(d/2) : e^(-d/2) : tie, where d = (s_a - s_b) / scale.

Targets that are NaN were not rated and have no part in any of them.
"""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "LEAST_ROWS",
    "LEVELS",
    "LEVEL_SCORES",
    "expected_score",
    "level_loss",
    "level_targets",
    "overall",
    "pair_loss",
    "pearson",
    "score_loss",
]

LEVELS = ("bad", "poor", "fair", "good", "excellent")
LEVEL_SCORES = (10.0, 30.0, 50.0, 70.0, 90.0)
LEAST_ROWS = 3  # any two points lie on a line, so that their correlation says nothing
DEVIATION_FLOOR = 0.02  # of 0..1
WEIGHTS = (0.3, 0.4, 0.3)  # of the geometric mean that the paper calls overall


def level_targets(scores: Tensor, *, soft: bool = False) -> Tensor:
    """(..., 5) probabilities of the levels from (...) scores 0..100; NaN where the score is."""
    width = 100.0 / len(LEVELS)
    known = scores.nan_to_num()
    if soft:
        places = known.new_tensor(LEVEL_SCORES)
        apart = (known.clamp(LEVEL_SCORES[0], LEVEL_SCORES[-1])[..., None] - places).abs()
        targets = (1 - apart / width).clamp(min=0)
    else:
        level = (torch.ceil(known / width) - 1).clamp(0, len(LEVELS) - 1).long()
        targets = functional.one_hot(level, len(LEVELS)).to(scores.dtype)
    return targets.masked_fill(scores.isnan()[..., None], torch.nan)


def level_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """(D,) mean cross-entropy of each dimension; logits and targets (N, D, 5)."""
    each = -(targets.nan_to_num() * logits.float().log_softmax(dim=-1)).sum(dim=-1)
    return _mean(each, ~targets.isnan().any(dim=-1))


def expected_score(logits: Tensor) -> Tensor:
    """(...) scores 10..90: the mean of the levels' places under (..., 5) logits."""
    return logits.float().softmax(dim=-1) @ logits.new_tensor(LEVEL_SCORES, dtype=torch.float32)


def score_loss(
    scores: Tensor, targets: Tensor, remembered: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """MSE and 1 - PLCC of each dimension, both (D,), of (N, D) scores and targets 0..1.

    `remembered` are scores and targets of earlier edits, (M, D), for PLCC alone. A dimension with fewer than
    LEAST_ROWS rated edits in all has no correlation yet: its second term is 0.
    """
    scores, targets = scores.float(), targets.float()
    rated = ~targets.isnan()
    mse = _mean((scores - targets.nan_to_num()) ** 2, rated)
    if remembered is not None:
        scores = torch.cat([scores, remembered[0].detach()])
        targets = torch.cat([targets, remembered[1]])
        rated = ~targets.isnan()
    apart = []
    for d in range(scores.shape[1]):
        x, y = scores[rated[:, d], d], targets[rated[:, d], d]
        apart.append(1 - pearson(x, y) if len(x) >= LEAST_ROWS else (x * 0.0).sum())
    return mse, torch.stack(apart)


def pearson(x: Tensor, y: Tensor, *, floor: float = DEVIATION_FLOOR) -> Tensor:
    """The correlation of two (N,) rows, with standard deviations of at least the floor."""
    x, y = x - x.mean(), y - y.mean()
    # The clamp lies inside the root: the slope of a root at 0 is infinite, and 0 times that is NaN.
    spread_x = (x**2).mean().clamp(min=floor**2).sqrt()
    spread_y = (y**2).mean().clamp(min=floor**2).sqrt()
    return (x * y).mean() / (spread_x * spread_y)


def overall(scores: Tensor) -> Tensor:
    """(N,) weighted geometric means of (N, 3) scores, in their unit."""
    weights = scores.new_tensor(WEIGHTS)
    return (scores.clamp(min=1e-6).log() @ weights).exp()


def pair_loss(a: Tensor, b: Tensor, preferred: Tensor, *, scale: float, tie: float = 1.0) -> Tensor:
    """(D,) mean loss of each column; `a`, `b` (N, D) scores and `preferred` (N, D): 1 = a, -1 = b, 0 = tie.

    `scale` is the difference of scores that makes the odds e : 1; `tie` the odds of a tie between equals.
    """
    if scale <= 0 or tie <= 0:
        raise ValueError(f"scale {scale} and tie {tie} must be above 0")
    half = (a.float() - b.float()) / (2 * scale)
    odds = torch.stack([-half, torch.full_like(half, tie).log(), half], dim=-1)  # b, tie, a
    known = ~preferred.isnan()
    chosen = (preferred.nan_to_num() + 1).long()
    each = functional.cross_entropy(odds.flatten(0, 1), chosen.flatten(), reduction="none")
    return _mean(each.view_as(half), known)


def _mean(each: Tensor, known: Tensor) -> Tensor:
    """(D,) means over the known of (N, D); 0 for a column without any."""
    return (each * known).sum(dim=0) / known.sum(dim=0).clamp(min=1)
