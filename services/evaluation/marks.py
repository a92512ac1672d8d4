"""What does a scorer say, and what does the service need of one?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from editrefiner.contracts import BackendInfo, OverallKind


@dataclass(frozen=True)
class Estimate:
    """A score, 0..100, and where it may lie."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Marks:
    """What a scorer says about one edit."""

    perceptual_quality: Estimate
    instruction_following: Estimate
    visual_consistency: Estimate
    overall_kind: OverallKind = field(default="geometric", kw_only=True)


class Scorer(Protocol):
    """What the agent needs of a backend."""

    @property
    def backend(self) -> BackendInfo:
        """Who scores."""
        ...

    @property
    def decision_margin(self) -> float:
        """Smallest difference of `overall` between two edits of one source that means something."""
        ...

    @property
    def difference_spread(self) -> float:
        """Standard deviation of the error of a difference of `overall` between two edits of one source."""
        ...

    @property
    def coverage(self) -> float:
        """Share of cases in which a score lies inside its interval, 0..1."""
        ...

    @property
    def calibration_basis(self) -> str:
        """What margin, spread and intervals were measured on, and what they do not cover, in words."""
        ...

    def score(
        self,
        source: np.ndarray,
        edits: Sequence[np.ndarray],
        instruction: str,
        checkpoint: Callable[[], None],
    ) -> Sequence[Marks]:
        """Marks of each edit, all (H, W, 3) uint8 RGB; `checkpoint` raises when nobody waits any more."""
        ...


@runtime_checkable
class Closable(Protocol):
    """A scorer that holds something beside memory, such as connections."""

    def close(self) -> None:
        """Give it back; nothing is scored afterwards."""
        ...
