"""Which scores would people give? Nominal values from the severities of the flaws, not ratings."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from editrefiner.contracts import FlawKind, FlawType
from training.flaws.scene import Flaw

WORST = 0.9  # of a dimension that flaws of full severity take away together
UNCHANGED = 8.0  # instruction following of a picture that nobody edited

OF_INSTRUCTION = frozenset(
    {FlawType.MISSING_EDIT, FlawType.INCOMPLETE_EDIT, FlawType.WRONG_CONTENT, FlawType.LEFTOVER}
)
"""Failures that concern what was asked for; the others concern what was to stay."""
SPILL = 0.25  # share of a flaw's severity that weighs on the dimensions that it is not about


@dataclass(frozen=True)
class NominalScores:
    """0..100 each, in the terms of the paper's three dimensions."""

    perceptual_quality: float
    instruction_following: float
    visual_consistency: float

    @property
    def overall(self) -> float:
        """Weighted geometric mean (EditRefiner paper, Eq. 5)."""
        weights = (0.3, 0.4, 0.3)
        values = (self.perceptual_quality, self.instruction_following, self.visual_consistency)
        return float(np.prod([max(v, 0.0) ** w for v, w in zip(values, weights, strict=True)]))


def nominal_scores(flaws: Iterable[Flaw], *, edited: bool) -> NominalScores:
    """100 * (1 - 0.9 * (1 - prod(1 - w * severity))) per dimension.

    w is 1 for the dimension that a flaw is about and 0.25 for the others: artifacts are about quality;
    missing, incomplete, wrong and left-over content about the instruction; other failures about consistency.
    `edited` is False for a picture that was not changed at all.
    """
    kept = np.ones(3)
    for flaw in flaws:
        weights = np.full(3, SPILL)
        weights[dimension(flaw.flaw_type)] = 1.0
        kept *= 1 - weights * flaw.severity
    quality, following, consistency = (float(v) for v in 100 * (1 - WORST * (1 - kept)))
    return NominalScores(quality, following if edited else min(following, UNCHANGED), consistency)


def severity(apart: np.ndarray, share: float) -> float:
    """0..1: how badly a flaw shows: CIELAB distances of its pixels to the ideal, its share of the frame."""
    strong = 1 - np.exp(-float(np.percentile(apart, 70)) / 16)
    spread = min(1.0, float(np.sqrt(share / 0.06)))
    return float(np.clip(strong * (0.55 + 0.45 * spread), 0.02, 1))


def dimension(flaw_type: FlawType) -> int:
    """Which of quality, instruction and consistency, 0..2, a type of flaw is about."""
    if flaw_type.kind is FlawKind.ARTIFACT:
        return 0
    return 1 if flaw_type in OF_INSTRUCTION else 2
