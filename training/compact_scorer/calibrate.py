"""How far may a score be off? Split-conformal intervals, and the margin that a gain has to exceed.

Everything is measured on edits of photographs that were neither trained on nor used to choose a step.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from editrefiner.contracts import DIMENSIONS, Tolerance
from training.compact_scorer.examples import chunks
from training.compact_scorer.model import Committee, Judge
from training.compact_scorer.train import loaded
from training.evaluation.losses import overall

COVERAGE = 0.9
FALSE_ACCEPTS = 0.1  # share of the attempts at repairs that are no better, of which some margin lets pass
NEAR = 10.0  # points of overall: the loop compares edits that hardly differ, and these are judged alike
RIDGE = 0.05  # of the mean variance, added to every direction in which the training set is hardly spread
FAMILIAR = 0.95  # quantile of the novelty of clean validation edits up to which an interval is not widened


@dataclass(frozen=True)
class Told:
    """What the network says of a set of edits, and the truth."""

    scores: Tensor
    """(N, 3)."""
    spread: Tensor
    """(N, 3)."""
    embedding: Tensor
    """(N, E)."""
    truth: Tensor
    """(N, 3)."""
    group: np.ndarray
    """(N,): the same for edits of one source."""


@dataclass(frozen=True)
class Familiar:
    """What the training set looks like from inside the network."""

    center: Tensor
    """(E,)."""
    whitening: Tensor
    """(E, E): (e - center) @ whitening has unit variance in every direction."""


@dataclass(frozen=True)
class Calibration:
    """Numbers that ship with the weights."""

    widths: tuple[float, float, float]
    """Multiples of the spread that cover the stated share, per dimension."""
    familiar: float
    """Novelty up to which an interval is not widened."""
    decision_margin: float
    difference_spread: float


@torch.inference_mode()
def told(judge: Judge | Committee, folder: Path) -> Told:
    """Judge everything in a folder of examples."""
    judge.eval()
    parts: list[tuple[Tensor, ...]] = []
    groups: list[np.ndarray] = []
    for number, chunk in enumerate(chunks(folder)):
        for rows in np.array_split(np.arange(len(chunk["whole"])), max(1, len(chunk["whole"]) // 32)):
            batch = loaded(chunk, rows)
            judged = judge(batch.inputs)
            parts.append((judged.scores, judged.spread, judged.embedding, batch.scores))
            groups.append(batch.group.numpy() + 1_000_000 * number)
    scores, spread, embedding, truth = (torch.cat(column) for column in zip(*parts, strict=True))
    return Told(scores, spread, embedding, truth, np.concatenate(groups))


def familiar(embedding: Tensor) -> Familiar:
    """Center and whitening of the training set's embeddings."""
    center = embedding.mean(dim=0)
    apart = embedding - center
    covariance = apart.T @ apart / len(apart)
    covariance += RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance))
    values, vectors = torch.linalg.eigh(covariance)
    return Familiar(center, vectors / values.clamp(min=1e-6).sqrt())


def novelty(embedding: Tensor, known: Familiar) -> Tensor:
    """(N,) root mean square distance from the training set in units of its own spread."""
    return ((embedding - known.center) @ known.whitening).square().mean(dim=1).sqrt()


def widened(spread: Tensor, strange: Tensor, limit: float) -> Tensor:
    """(N, 3): the spread, grown by how far beyond the familiar an edit lies."""
    return spread * (strange / limit).clamp(min=1.0)[:, None]


def calibrated(held_out: Told, attempts: Told, known: Familiar) -> Calibration:
    """Intervals that cover COVERAGE of held-out edits; a margin that few of the vain `attempts` exceed."""
    strange = novelty(held_out.embedding, known)
    limit = float(strange.quantile(FAMILIAR))
    off = (held_out.scores - held_out.truth).abs() / widened(held_out.spread, strange, limit)
    rank = min(1.0, np.ceil((len(off) + 1) * COVERAGE) / len(off))
    widths = tuple(float(column.quantile(rank)) for column in off.T)
    claimed, true = differences(attempts)
    near = np.abs(true) <= NEAR
    error = (claimed - true)[near] if near.any() else claimed - true
    spread = float(np.sqrt(np.mean(error**2)))
    assert len(widths) == 3
    return Calibration(widths, limit, round(least_margin(attempts), 2), round(spread, 2))


def least_margin(attempts: Told) -> float:
    """The least margin at which a refinement keeps at most FALSE_ACCEPTS of the attempts that are no better.

    The first edit of each source is what the others were made from. One is kept if its overall score gains
    more than the margin and no score falls by more than a job tolerates by default.
    """
    claimed, true, falls = _attempted(attempts)
    vain = true <= 0
    kept = vain & (falls <= [getattr(Tolerance(), name) for name in DIMENSIONS]).all(axis=1)
    gains = np.sort(claimed[kept])[::-1]
    allowed = int(FALSE_ACCEPTS * (vain.sum() + 1))
    return max(0.0, float(gains[allowed])) if allowed < len(gains) else 0.0


def _attempted(attempts: Told) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each attempt: claimed gain and true gain of overall, and how far each score falls, (N, 3)."""
    _, first, member = np.unique(attempts.group, return_index=True, return_inverse=True)
    rows = np.setdiff1d(np.arange(len(member)), first)
    base = first[member[rows]]
    claimed, true = (overall(scores).numpy() for scores in (attempts.scores, attempts.truth))
    scores = attempts.scores.numpy()
    return claimed[rows] - claimed[base], true[rows] - true[base], scores[base] - scores[rows]


def differences(of: Told) -> tuple[np.ndarray, np.ndarray]:
    """Claimed and true difference of overall of every ordered pair of edits of one source."""
    claimed, true = (overall(scores).numpy() for scores in (of.scores, of.truth))
    same = (of.group[:, None] == of.group[None, :]) & ~np.eye(len(of.group), dtype=bool)
    first, second = np.nonzero(same)
    return claimed[first] - claimed[second], true[first] - true[second]
