"""What is a finished refinement made of? The job, its rounds, its pictures, and who computed them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from editrefiner.contracts import BackendInfo, ImageRef, Iteration, Job, JobResult


class Pictures(Protocol):
    """Where the pictures of a job are."""

    def pixels(self, ref: ImageRef) -> np.ndarray:
        """RGB (H, W, 3) uint8."""
        ...

    def gray(self, ref: ImageRef) -> np.ndarray:
        """(H, W) uint8."""
        ...


@dataclass(frozen=True, slots=True)
class Refinement:
    """A job that has a result, with everything that belongs to it."""

    job: Job
    result: JobResult
    iterations: Sequence[Iteration]
    pictures: Pictures
    backends: Mapping[str, BackendInfo]
    """By agent."""

    def mask(self) -> np.ndarray | None:
        """At each pixel the largest weight (H, W) of all accepted masks; None when no round was accepted."""
        if not self.result.masks:
            return None
        return np.maximum.reduce([self.pictures.gray(mask) for mask in self.result.masks])
