"""How does the whole suite run in one process? Job API, worker and agents as in production, on one folder."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from fastapi import FastAPI

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.client import JobsClient
from editrefiner.contracts import BackendInfo
from orchestrator.app import create_app
from orchestrator.doorbell import Ringer, create_celery
from orchestrator.execution import connect_agents
from orchestrator.jobs import JobStore
from orchestrator.settings import Settings
from orchestrator.store import migrate, open_job_store
from orchestrator.worker import EmbeddedWorker
from suite.agents import Agents, running_agents
from suite.broker import running_broker
from suite.lock import exclusive

API_URL = "http://orchestrator"
CONSUMER_READY_SECONDS = 10.0
# The folder has one owner, so a lease that is still held when it starts belongs to a process that is dead:
# short leases let a job go on a few seconds after a kill.
LEASE_SECONDS, HEARTBEAT_SECONDS, SWEEP_SECONDS = 6.0, 2.0, 1.0
# All live in one process, so every end of it counts against whatever step was in hand, guilty or not.
CRASH_ATTEMPTS = 20


class EmbeddedSuite:
    """`async with EmbeddedSuite(folder) as suite:` — a suite on everything that is kept in `folder`.

    Unfinished jobs of an earlier process go on, however that process ended. Enter it on the main thread.
    FolderInUseError when another process has the folder.
    """

    artifacts: ArtifactStore
    store: JobStore
    agents: Agents
    api: FastAPI
    """The job API, its lifespan entered."""
    jobs: JobsClient
    """A client of the job API, with no network in between."""

    def __init__(self, folder: Path, *, redis_url: str | None = None) -> None:
        self._folder = folder.absolute()
        self._redis_url = redis_url
        self._stack = AsyncExitStack()
        self._worker: EmbeddedWorker | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def backends(self) -> Mapping[str, BackendInfo]:
        """Who computes, by agent."""
        return self.agents.backends

    @property
    def is_idle(self) -> bool:
        """Whether, after `drain`, nothing is in hand any more."""
        apps = (self.api, *self.agents.apps.values())
        is_stopped = self._stopping is not None and self._stopping.done()
        return is_stopped and all(app.state.lifecycle.is_idle for app in apps)

    def drain(self) -> None:
        """Take no new work; steps in hand are finished or given back."""
        self.api.state.lifecycle.drain()
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop_worker())

    async def _start(self, stack: AsyncExitStack) -> None:
        stack.enter_context(exclusive(self._folder))
        settings = await self._settings(stack)
        self.artifacts = open_store(settings.artifacts, limits=settings.image_limits())
        await asyncio.to_thread(migrate, settings.database_url)
        self.store = open_job_store(
            settings.database_url,
            lease_seconds=settings.lease_seconds,
            ttl_seconds=settings.ttl_seconds,
            crash_attempts=settings.crash_attempts,
        )
        stack.callback(self.store.close)
        self.agents = await stack.enter_async_context(running_agents(self.artifacts))
        ringer = await stack.enter_async_context(self._working(settings))
        self.api = create_app(settings, store=self.store, artifacts=self.artifacts, ringer=ringer)
        await stack.enter_async_context(self.api.router.lifespan_context(self.api))
        await self.api.state.lifecycle.wait_started()
        transport = httpx.ASGITransport(self.api, raise_app_exceptions=False)
        http = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=API_URL))
        self.jobs = JobsClient(http, API_URL)

    async def _settings(self, stack: AsyncExitStack) -> Settings:
        redis_url = self._redis_url
        if redis_url is None:
            socket = await stack.enter_async_context(running_broker(self._folder / "broker"))
            redis_url = f"unix://{socket}"
        return Settings(
            database_url=f"sqlite:///{self._folder / 'jobs.sqlite'}",
            redis_url=redis_url,
            artifacts=str(self._folder / "artifacts"),
            lease_seconds=LEASE_SECONDS,
            heartbeat_seconds=HEARTBEAT_SECONDS,
            sweep_seconds=SWEEP_SECONDS,
            crash_attempts=CRASH_ATTEMPTS,
        )

    @asynccontextmanager
    async def _working(self, settings: Settings) -> AsyncIterator[Ringer]:
        """A worker that takes steps, and the ringer that it shares with the API."""
        celery = create_celery(settings.redis_url)
        ringer = Ringer(celery, settings.redis_url, service="suite")
        ringer.start()
        self._worker = EmbeddedWorker(
            self.store,
            connect_agents(self.agents.http, self.agents.urls),
            celery,
            ringer,
            remove_artifact=self.artifacts.delete,
            concurrency=settings.concurrency,
            heartbeat_seconds=settings.heartbeat_seconds,
            sweep_seconds=settings.sweep_seconds,
            purge_seconds=settings.purge_seconds,
            drain_seconds=settings.drain_seconds,
            loop=asyncio.get_running_loop(),
        )
        self._worker.start()
        try:
            await asyncio.to_thread(self._worker.wait_ready, CONSUMER_READY_SECONDS)
            yield ringer
        finally:
            if self._stopping is None:
                self._stopping = asyncio.create_task(self._stop_worker())
            await self._stopping
            await asyncio.to_thread(ringer.stop)

    async def _stop_worker(self) -> None:
        if self._worker is not None:
            await asyncio.to_thread(self._worker.stop)
