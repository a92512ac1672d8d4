"""Should this run go on? What the work in the lane asks between its stages."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from editrefiner.contracts import ProblemError
from editrefiner.serving.errors import DeadlineExceededError

Clock = Callable[[], float]
"""Seconds that only grow, such as `time.monotonic`."""


class Run:
    """One run, as the agent's code sees it. Safe to ask from any thread."""

    def __init__(self, *, deadline: float | None = None, clock: Clock = time.monotonic) -> None:
        self._deadline = deadline
        self._clock = clock
        self._stopped_by: ProblemError | None = None

    @property
    def seconds_left(self) -> float | None:
        """Time until nobody waits any more, never negative; None = there is no deadline."""
        deadline = self._deadline
        return None if deadline is None else max(0.0, deadline - self._clock())

    def checkpoint(self) -> None:
        """Return if the run is still wanted, else raise CanceledError or DeadlineExceededError."""
        if self._stopped_by is not None:
            raise self._stopped_by
        if self.seconds_left == 0.0:
            raise DeadlineExceededError("The deadline passed during the run. Give it more time.")

    def stop(self, reason: ProblemError) -> None:
        """Make the next checkpoint raise `reason`."""
        self._stopped_by = reason

    def set_deadline(self, deadline: float | None) -> None:
        """Move the end, on the run's own clock; None = no end."""
        self._deadline = deadline


def shared_checkpoint(runs: Sequence[Run]) -> Callable[[], None]:
    """One checkpoint for runs that are computed together: it raises once none of them is wanted any more."""

    def checkpoint() -> None:
        for run in runs[:-1]:
            with suppress(ProblemError):
                run.checkpoint()
                return
        runs[-1].checkpoint()

    return checkpoint
