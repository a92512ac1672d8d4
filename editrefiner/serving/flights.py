"""What is on its way? One run and those who wait for it, and what may be computed with it."""

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from editrefiner.contracts import ProblemError, RequestModel
from editrefiner.serving.records import StoredRun
from editrefiner.serving.runs import Run


@dataclass(frozen=True, slots=True)
class Batching:
    """How many runs share the thread, and how long the first of them waits for company."""

    max_batch: int = 1
    wait_seconds: float = 0.0


@dataclass(frozen=True, eq=False, slots=True)
class Work:
    """What flights of one kind have in common."""

    compute: Callable[[Sequence["Flight"]], Sequence[StoredRun | ProblemError]]
    """Called in the lane's thread with 1 to `max_batch` flights. Returns failures: the lane never fails."""
    batching: Batching = Batching()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a flight came to, for everyone who waits for it."""

    result: StoredRun | ProblemError
    is_replay: bool
    """Whether it was found in the store."""
    queue_seconds: float = 0.0


@dataclass(eq=False, slots=True)
class Flight:
    """One run on its way: looked up, queued, running, over."""

    key: str
    request: RequestModel
    work: Work
    context: contextvars.Context
    run: Run
    outcome: asyncio.Future[Outcome]
    opened_at: float
    waiters: dict[object, float | None] = field(default_factory=dict[object, float | None])
    """Deadlines of those who wait, on the monotonic clock; None = waits for ever."""

    def update_deadline(self) -> None:
        """The run may go on as long as anyone waits for it."""
        deadlines = list(self.waiters.values())
        known = [deadline for deadline in deadlines if deadline is not None]
        self.run.set_deadline(max(known) if known and len(known) == len(deadlines) else None)
