"""What does a running service consist of? The loaded agent with its lane, its records and its threads."""

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from editrefiner.contracts import ProblemError
from editrefiner.serving.door import Door
from editrefiner.serving.errors import NotReadyError
from editrefiner.serving.flights import Batching
from editrefiner.serving.lane import Lane
from editrefiner.serving.lifecycle import RETRY_NOT_READY_SECONDS, Lifecycle
from editrefiner.serving.records import LiveAliases, Records
from editrefiner.serving.settings import ServiceSettings
from editrefiner.serving.verbs import Agent, AgentT, ImageStore
from editrefiner.telemetry import metrics

STORE_THREADS = 2  # decoding and file access beside the lane; more would take its core
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 30.0  # between two checks of what needs another server
LAST_CHECKPOINT_SECONDS = 5.0  # at shutdown, how long a canceled run may take to notice

log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Life(Generic[AgentT]):
    """How an agent comes and goes. All three run in worker threads and may block."""

    load: Callable[[], AgentT]
    check: Callable[[AgentT], None] = lambda _: None
    """Raises while the loaded agent must not get work. What may be retried is checked again and again."""
    unload: Callable[[AgentT], None] = lambda _: None
    """Gives back what the agent holds, such as connections."""


class Host(Generic[AgentT]):
    """One service in one process. Used on the event loop only."""

    def __init__(
        self,
        name: str,
        settings: ServiceSettings,
        store: ImageStore,
        life: Life[AgentT],
        batching: Batching,
    ) -> None:
        self.name = name
        self.settings = settings
        self.store = store
        self.lifecycle = Lifecycle(name)
        self.batching = batching
        self.lane = Lane(name, max_queue=settings.max_queue, max_batch=batching.max_batch)
        self.door = Door(self.lane)
        self.records = Records(name, store)
        self.aliases = LiveAliases()
        self._life = life
        self._held: AgentT | None = None
        self._is_stopped = False
        self._handover = threading.Lock()  # of a loaded agent, to a host that may have stopped meanwhile
        self._agent: AgentT | None = None
        self._store_threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix=f"{name}-store")
        self._loading: asyncio.Task[None] | None = None
        self.lifecycle.is_busy = lambda: self.lane.is_full
        self.lifecycle.on_drained_too_long.append(self._abandon_runs)

    @property
    def agent(self) -> AgentT:
        """The loaded agent; NotReadyError before it is loaded and while the service drains."""
        try:
            self.lifecycle.require_ready()
        except NotReadyError:
            metrics.AGENT_REJECTED.labels(self.name, "not_ready").inc()
            raise
        assert self._agent is not None  # ready means loaded
        return self._agent

    @property
    def loaded_agent(self) -> AgentT:
        """The same, also while the service drains."""
        if self._agent is None:
            self.lifecycle.require_ready()
        assert self._agent is not None  # ready means loaded
        return self._agent

    @property
    def held_agent(self) -> AgentT:
        """The same, also while it gets no work; NotReadyError before it is loaded and during a drain."""
        if self._held is None or self.lifecycle.draining.is_set():
            self.lifecycle.require_ready()
        assert self._held is not None  # ready means loaded
        return self._held

    async def beside_lane(self, function: Callable[[], ResultT]) -> ResultT:
        """Run blocking code (decoding, store access) in a thread that is not the lane's."""
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._store_threads, lambda: context.run(function))

    def start(self) -> None:
        """Begin loading in the background."""
        self._loading = asyncio.create_task(self._load_in_lane())

    async def stop(self) -> None:
        """End what is in hand and the threads. An agent that still loads is unloaded as soon as it has."""
        with self._handover:
            self._is_stopped = True
        self.lifecycle.drain()
        self._abandon_runs()
        if self._loading is not None:
            self._loading.cancel()
        await self.lane.close(patience_seconds=LAST_CHECKPOINT_SECONDS)
        if self._held is not None:
            await self.beside_lane(partial(self._life.unload, self._held))
        self._store_threads.shutdown(wait=False, cancel_futures=True)

    async def admit(self) -> None:
        """Check the agent, and take work from now on; whatever the check raises leaves things as they are."""
        agent = self.held_agent
        await self.lane.call(partial(self._life.check, agent))
        if self._agent is None:
            seconds = await self.lane.call(partial(_warm_up, agent))
            backend = agent.backend
            self.lane.expect_seconds(seconds)
            metrics.MODEL.labels(self.name, backend.name, backend.digest).set(1)
            log.info("backend loaded", extra={"backend": backend.name, "warm_up_seconds": round(seconds, 3)})
            self._agent = agent
        self.lifecycle.ready()

    async def _load_in_lane(self) -> None:
        try:
            await self.lane.call(self._load)
            await self._admit_at_last()
        except Exception as error:  # whatever a model library raises: the probe tells, the process lives
            log.exception("loading failed")
            self.lifecycle.fail(_reason(error))

    def _load(self) -> None:
        """In the lane's thread, which the end of the host does not interrupt."""
        agent = self._life.load()
        with self._handover:
            if not self._is_stopped:
                self._held = agent
                return
        self._life.unload(agent)

    async def _admit_at_last(self) -> None:
        """As soon as what the agent needs of others is there. Raises what no waiting mends."""
        wait = FIRST_WAIT_SECONDS
        while not self.lifecycle.is_ready:  # else somebody asked for the check meanwhile
            try:
                await self.admit()
            except ProblemError as error:
                if not error.retryable:
                    raise
                self.lifecycle.fail(f"{_reason(error)} It is tried again.", may_recover=True)
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _abandon_runs(self) -> None:
        self.lane.cancel_all(
            NotReadyError(
                f"{self.name} shut down before this run ended. The same request elsewhere is safe.",
                retry_after_seconds=RETRY_NOT_READY_SECONDS,
            )
        )


def _warm_up(agent: Agent) -> float:
    """The seconds it took."""
    started = time.perf_counter()
    agent.warm_up()
    return time.perf_counter() - started


def _reason(error: Exception) -> str:
    return f"The backend could not be loaded: {type(error).__name__}: {error}"
