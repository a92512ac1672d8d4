"""The world of the orchestrator's tests as fixtures: real stores, agents that answer by rule, an API."""

import asyncio
import contextlib
import shutil
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.responses import Response

from editrefiner.artifacts import open_store
from orchestrator.store import migrate, open_job_store
from tests.orchestrator.rule_agents import RuleAgents, png, problem
from tests.orchestrator.valkey_server import Valkey
from tests.orchestrator.world import World


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without jobs, to be copied."""
    path = tmp_path_factory.mktemp("database") / "jobs.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def world(tmp_path: Path, empty_database: Path) -> Iterator[World]:
    shutil.copyfile(empty_database, tmp_path / "jobs.sqlite")
    database_url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    store = open_job_store(database_url, lease_seconds=30.0)
    artifacts = open_store(str(tmp_path / "artifacts"))
    yield World(store, artifacts, RuleAgents(artifacts), tmp_path, database_url)
    store.close()


@pytest.fixture(name="png")
def _png() -> Callable[..., bytes]:
    """Bytes of a plain picture."""
    return png


@pytest.fixture(name="problem")
def _problem() -> Callable[..., Response]:
    """An agent's refusal."""
    return problem


@pytest.fixture
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Serves an ASGI app on a real port; answers its base URL."""
    with contextlib.ExitStack() as stack:

        def start(app: Any, **options: Any) -> str:
            config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1, **options)
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()

            def stop() -> None:
                server.should_exit = True
                thread.join()

            stack.callback(stop)
            while not server.started:
                time.sleep(0.01)
            return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

        yield start


async def eventually(condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 — it comes true in another thread
            await asyncio.sleep(0.02)


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., Awaitable[None]]:
    return eventually


@pytest.fixture
def ended(world: World) -> Callable[[str], bool]:
    """Whether a job is over."""
    return lambda job_id: world.store.get(job_id).status.is_terminal
