"""Who computes next? One thread, a bounded queue in front of it, and one flight per content key.

Flights of one kind of work may share the thread, as a batch, where the work allows it.
"""

import asyncio
import contextvars
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from editrefiner.contracts import ProblemError, RequestModel, RunState
from editrefiner.serving.errors import CanceledError, InternalError, QueueFullError
from editrefiner.serving.flights import Flight, Outcome, Work
from editrefiner.serving.records import StoredRun
from editrefiner.serving.runs import Run
from editrefiner.telemetry import metrics

log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")
Lookup = Callable[[], Awaitable[StoredRun | None]]


class Lane:
    """Used on the event loop only; `work` alone runs in the thread."""

    def __init__(self, service: str, *, max_queue: int, max_batch: int = 1) -> None:
        self._service = service
        self._capacity = max_batch + max_queue
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{service}-lane")
        self._flights: dict[str, Flight] = {}
        self._queue: deque[Flight] = deque()
        self._on_thread: tuple[Flight, ...] = ()
        self._boarding: asyncio.TimerHandle | None = None
        self._looking = 0
        self._seconds_per_run = 1.0  # until warm_up has measured it
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()

    # ---------------------------------------------------------------- what can be asked

    @property
    def runs(self) -> int:
        """Runs that wait or compute, among them one that was canceled and has not noticed yet."""
        return len(self._queue) + len(self._on_thread)

    @property
    def places_taken(self) -> int:
        """The same with those that are still looked up."""
        return self.runs + self._looking

    @property
    def is_full(self) -> bool:
        """Whether the next run would be refused."""
        return self.runs >= self._capacity

    @property
    def capacity(self) -> int:
        """The runs that may compute at once and those that may wait."""
        return self._capacity

    def state(self, key: str) -> RunState:
        """Where the run of a content key is, as far as the lane knows."""
        if any(flight.key == key for flight in self._on_thread):
            return RunState.RUNNING
        return RunState.QUEUED if key in self._flights else RunState.UNKNOWN

    async def wait_for_change(self) -> None:
        """Wait until a place may have become free."""
        await self._freed.wait()

    def notify(self) -> None:
        """Wake who waits for a place."""
        self._freed.set()
        self._freed = asyncio.Event()

    def queue_full(self) -> QueueFullError:
        """The refusal, with the time after which a place should be free."""
        metrics.AGENT_REJECTED.labels(self._service, "queue_full").inc()
        return QueueFullError(
            f"{self._service} has {self.runs} runs in hand and takes no more than {self._capacity}. "
            "Try again after Retry-After.",
            retry_after_seconds=self._seconds_per_run * self.runs,
        )

    # ---------------------------------------------------------------- flights

    def join(
        self,
        key: str,
        request: RequestModel,
        work: Work,
        *,
        waiter: object,
        deadline: float | None,
        lookup: Lookup,
    ) -> Flight:
        """Wait for the run of this key together with whoever else does; the first one starts it."""
        flight = self._flights.get(key)
        if flight is None:
            flight = Flight(
                key=key,
                request=request,
                work=work,
                context=contextvars.copy_context(),
                run=Run(),
                outcome=asyncio.get_running_loop().create_future(),
                opened_at=time.monotonic(),
            )
            self._flights[key] = flight
            self._looking += 1
            self._spawn(self._take_off(flight, lookup))
        else:
            metrics.AGENT_CACHE_HITS.labels(self._service, "joined").inc()
        flight.waiters[waiter] = deadline
        flight.update_deadline()
        return flight

    def leave(self, flight: Flight, waiter: object) -> None:
        """Wait no longer. The run of the last to leave is canceled."""
        flight.waiters.pop(waiter, None)
        if flight.outcome.done():
            return
        if flight.waiters:
            flight.update_deadline()
        else:
            self._end_early(flight, CanceledError("Nobody waits for this run any more."), "abandoned")

    def cancel(self, key: str) -> bool:
        """End the run of a content key; False when it is not in hand."""
        flight = self._flights.get(key)
        if flight is None:
            return False
        self._end_early(flight, CanceledError("The run was canceled by DELETE /v1/runs."), "requested")
        return True

    def cancel_all(self, reason: ProblemError) -> None:
        """End every run in hand."""
        for flight in list(self._flights.values()):
            self._end_early(flight, reason, "drain")

    async def call(self, function: Callable[[], ResultT]) -> ResultT:
        """Run something else in the lane's thread, such as loading the agent."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def expect_seconds(self, seconds: float) -> None:
        """Start the estimate of a run's duration."""
        self._seconds_per_run = seconds

    async def close(self, *, patience_seconds: float) -> None:
        """Stop the thread, after the run on it has had some time to reach a checkpoint."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience_seconds)
        self._thread.shutdown(wait=False, cancel_futures=True)

    # ---------------------------------------------------------------- from lookup to outcome

    async def _take_off(self, flight: Flight, lookup: Lookup) -> None:
        """Find the result in the store, or queue the run."""
        try:
            stored = await lookup()
        except ProblemError as error:
            self._settle(flight, Outcome(error, is_replay=False))
            return
        except Exception:  # whatever a store raises ends this run; the lane goes on
            log.exception("stored results cannot be read")
            failure = InternalError(
                "The stored results cannot be read; the log has the cause under request_id."
            )
            self._settle(flight, Outcome(failure, is_replay=False))
            return
        finally:
            self._looking -= 1
            self.notify()
        if stored is not None:
            metrics.AGENT_CACHE_HITS.labels(self._service, "stored").inc()
            self._settle(flight, Outcome(stored, is_replay=True))
        elif self.is_full:
            self._settle(flight, Outcome(self.queue_full(), is_replay=False))
        elif not flight.outcome.done():  # else it was canceled meanwhile
            self._queue.append(flight)
            self._fly_next()

    def _fly_next(self) -> None:
        """Board now, or once others had their time to come along."""
        if not self._on_thread and self._queue:
            batching = self._queue[0].work.batching
            if not batching.wait_seconds or len(self._alike()) >= batching.max_batch:
                self._board()
            elif self._boarding is None:
                loop = asyncio.get_running_loop()
                self._boarding = loop.call_later(batching.wait_seconds, self._board)
        self._show()

    def _alike(self) -> list[Flight]:
        """The first flight in the queue and those behind it that it may be computed with."""
        return [flight for flight in self._queue if flight.work is self._queue[0].work]

    def _board(self) -> None:
        if self._boarding is not None:
            self._boarding.cancel()
            self._boarding = None
        if self._queue and not self._on_thread:
            self._on_thread = tuple(self._alike()[: self._queue[0].work.batching.max_batch])
            for flight in self._on_thread:
                self._queue.remove(flight)
            self._spawn(self._fly(self._on_thread))
        self._show()

    async def _fly(self, flights: Sequence[Flight]) -> None:
        """Compute on the thread, then start with those who waited meanwhile."""
        waited = [time.monotonic() - flight.opened_at for flight in flights]
        for seconds in waited:
            metrics.AGENT_QUEUE_SECONDS.labels(self._service).observe(seconds)
        results = await self.call(lambda: flights[0].work.compute(flights))
        for flight, result, seconds in zip(flights, results, waited, strict=True):
            if isinstance(result, StoredRun):
                self._seconds_per_run += 0.2 * (result.run_seconds - self._seconds_per_run)
            self._settle(flight, Outcome(result, is_replay=False, queue_seconds=seconds))
        self._on_thread = ()
        self._board()
        self.notify()

    def _end_early(self, flight: Flight, reason: ProblemError, why: str) -> None:
        """Tell who waits at once; the thread learns it at its next checkpoint."""
        metrics.AGENT_CANCELLED.labels(self._service, why).inc()
        flight.run.stop(reason)
        if flight in self._queue:
            self._queue.remove(flight)
        self._settle(flight, Outcome(reason, is_replay=False))
        self._show()
        self.notify()

    def _settle(self, flight: Flight, outcome: Outcome) -> None:
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]
        if not flight.outcome.done():
            flight.outcome.set_result(outcome)

    def _show(self) -> None:
        metrics.AGENT_QUEUE_DEPTH.labels(self._service).set(len(self._queue))
        metrics.AGENT_INFLIGHT.labels(self._service).set(len(self._on_thread))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
