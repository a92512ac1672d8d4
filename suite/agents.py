"""How do the four agents live in one process? As their own applications, called as if over the network."""

import importlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

import httpx
from fastapi import FastAPI

from editrefiner.artifacts import ArtifactStore
from editrefiner.client import AgentClient
from editrefiner.contracts import BackendInfo, ProblemCode, ProblemError

AGENTS = ("perception", "reasoning", "action", "evaluation")


class AgentFailedError(ProblemError):
    """An agent could not be loaded."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


@dataclass(frozen=True, slots=True)
class Agents:
    """The running agents. `http` reaches each under `http://<name>`, with no network in between."""

    apps: Mapping[str, FastAPI]
    http: httpx.AsyncClient
    backends: Mapping[str, BackendInfo]

    @property
    def urls(self) -> dict[str, str]:
        """Base URL by agent."""
        return {name: base_url(name) for name in self.apps}


def base_url(name: str) -> str:
    """Where `Agents.http` finds an agent."""
    return f"http://{name}"


def create_agent(name: str, artifacts: ArtifactStore) -> FastAPI:
    """The application of one service, on the store that all share; its own environment settings apply."""
    create_app: Callable[..., FastAPI] = importlib.import_module(f"services.{name}.app").create_app
    return create_app(store=artifacts)


@asynccontextmanager
async def running_agents(artifacts: ArtifactStore) -> AsyncIterator[Agents]:
    """All four, loaded and warm. AgentFailedError when one of them cannot be."""
    async with AsyncExitStack() as stack:
        apps = {name: create_agent(name, artifacts) for name in AGENTS}
        for app in apps.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        mounts = {
            base_url(name): httpx.ASGITransport(app, raise_app_exceptions=False) for name, app in apps.items()
        }
        http = await stack.enter_async_context(httpx.AsyncClient(mounts=mounts, timeout=None))  # noqa: S113 — deadlines travel in the request
        backends = {}
        for name, app in apps.items():
            await require_loaded(name, app)
            backends[name] = (await AgentClient(http, base_url(name)).info()).backend
        yield Agents(apps, http, backends)


async def require_loaded(name: str, app: FastAPI) -> None:
    """Wait until the agent is loaded and warm. AgentFailedError when it cannot be."""
    health = await app.state.lifecycle.wait_started()
    if health.state == "failed":
        raise AgentFailedError(f"the {name} agent could not be loaded: {health.detail}")
