"""How does a worker run steps? Threads claim them; one event loop waits for the agents."""

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Mapping

from editrefiner.client import AgentClient
from editrefiner.contracts import ProblemError
from editrefiner.telemetry import context, metrics
from orchestrator.doorbell import Ringer
from orchestrator.execution import StepEnd, run_step
from orchestrator.jobs import Claim, Doorbell, JobStore
from orchestrator.store.failpoints import declare, failpoint

RELEASE_SECONDS = 10.0  # to give steps back once the drain is over

declare("step.rung")
log = logging.getLogger(__name__)


class StepRunner:
    """Runs steps of one worker process, each from claim to commit.

    `loop` is where agents are awaited; without one the runner brings its own in a thread.
    """

    def __init__(
        self,
        store: JobStore,
        agents: Mapping[str, AgentClient],
        ringer: Ringer,
        *,
        concurrency: int,
        heartbeat_seconds: float,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._store = store
        self._agents = agents
        self._ringer = ringer
        self._concurrency = concurrency
        self._heartbeat_seconds = heartbeat_seconds
        self._loop = loop or asyncio.new_event_loop()
        self._loop_thread = (
            None if loop else threading.Thread(target=self._serve_loop, name="agents", daemon=True)
        )
        self._spare = concurrent.futures.ThreadPoolExecutor(concurrency, thread_name_prefix="spare")
        self._idle = threading.Condition()
        self._active = 0
        self._is_stopping = False
        self._steps: set[asyncio.Task[StepEnd]] = set()  # touched on the loop only, like the flag below
        self._is_given_up = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where agents are awaited."""
        return self._loop

    def start(self) -> None:
        """Bring up the loop."""
        if self._loop_thread is not None:
            self._loop_thread.start()

    def run(self, job_id: str, seq: int) -> None:
        """Run this step if it is there to be run; returns when it is over. For the queue's threads."""
        with self._idle:
            self._active += 1
        self._run_on(job_id, seq)

    def offer(self, doorbell: Doorbell) -> bool:
        """Run this step in a spare thread; False when the worker is busy or stopping."""
        with self._idle:
            if self._is_stopping or self._active >= self._concurrency:
                return False
            self._active += 1
        self._spare.submit(self._run_on, doorbell.job_id, doorbell.seq)
        return True

    def stop(self, *, drain_seconds: float) -> None:
        """Take no more steps; wait for those in hand, then give back what is not over."""
        with self._idle:
            self._is_stopping = True
            self._wait_idle(drain_seconds)
            if self._active > 0:
                self._loop.call_soon_threadsafe(self._give_up)
                self._wait_idle(RELEASE_SECONDS)
        self._spare.shutdown(wait=False)
        if self._loop_thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop_thread.join()
            self._loop.close()

    def _run_on(self, job_id: str, seq: int) -> None:
        """Run a step, and the ones after it for as long as no broker takes their doorbells."""
        following: Doorbell | None = None
        try:
            with context.bind(job=job_id):
                following = self._run_one(job_id, seq)
                while following is not None and not self._rings(following):
                    following = self._run_one(following.job_id, following.seq)
        except ProblemError as error:  # the store is away: the lease ends and the sweep finds the step
            log.warning("step left alone", extra={"seq": seq, "cause": error.detail})
        except Exception:  # a bug must not end the thread: the lease ends, and the attempt counts
            log.exception("step left alone", extra={"seq": seq})
        finally:
            with self._idle:
                self._active -= 1
                self._idle.notify_all()

    def _run_one(self, job_id: str, seq: int) -> Doorbell | None:
        """One attempt; the doorbell to ring now, if any."""
        claim = None if self._is_stopping else self._store.claim(job_id, seq)
        if claim is None:
            metrics.DOORBELLS.labels("worker", "idle").inc()
            return None
        started = time.perf_counter()
        self._ringer.changed(job_id)
        try:
            end = asyncio.run_coroutine_threadsafe(self._attempt(claim), self._loop).result()
        except concurrent.futures.CancelledError:  # the worker is going down and has given the step back
            self._ringer.ring(Doorbell(claim.job_id, claim.seq, claim.kind))
            return None
        self._ringer.changed(job_id)
        metrics.STEPS.labels("worker", claim.kind, end.outcome).inc()
        metrics.STEP_SECONDS.labels("worker", claim.kind).observe(time.perf_counter() - started)
        if end.doorbell is None or end.ring_after_seconds == 0:
            return end.doorbell
        ring = (self._ringer.ring, end.doorbell)
        self._loop.call_soon_threadsafe(self._loop.call_later, end.ring_after_seconds, *ring)
        return None

    def _rings(self, doorbell: Doorbell) -> bool:
        is_rung = self._ringer.publish(doorbell)
        failpoint("step.rung")
        return is_rung

    async def _attempt(self, claim: Claim) -> StepEnd:
        task = asyncio.current_task()
        assert task is not None, "coroutines run in tasks"
        self._steps.add(task)
        if self._is_given_up:
            task.cancel()
        try:
            return await run_step(self._store, self._agents, claim, heartbeat_seconds=self._heartbeat_seconds)
        finally:
            self._steps.discard(task)

    def _give_up(self) -> None:
        self._is_given_up = True
        for task in self._steps:
            task.cancel()

    def _wait_idle(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._active > 0 and (left := until - time.monotonic()) > 0:
            self._idle.wait(left)

    def _serve_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
