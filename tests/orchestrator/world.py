"""What do most tests of the orchestrator need? A real store, agents by rule, and the API over them."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import sqlalchemy as sa

from editrefiner.artifacts import ArtifactStore
from editrefiner.client import AgentClient
from editrefiner.contracts import (
    ImageRef,
    RefinementParameters,
    StepKind,
)
from orchestrator.app import create_app
from orchestrator.execution import run_step
from orchestrator.jobs import JobInputs, JobRecord, JobStore
from orchestrator.settings import Settings
from orchestrator.store import schema
from tests.orchestrator.rule_agents import SIDE, RuleAgents

NO_BROKER = "redis://127.0.0.1:1/0"  # nobody listens on port 1


@dataclass(frozen=True)
class World:
    """What most tests need."""

    store: JobStore
    artifacts: ArtifactStore
    agents: RuleAgents
    directory: Path
    database_url: str

    def picture(self, brightness: int) -> ImageRef:
        return self.artifacts.put_pixels(np.full((SIDE, SIDE, 3), brightness, np.uint8))

    def inputs(self, brightness: int = 100, **parameters: Any) -> JobInputs:
        return JobInputs(
            source=self.picture(50),
            edited=self.picture(brightness),
            edited_alpha=None,
            instruction="Make it brighter",
            parameters=RefinementParameters(**parameters),
        )

    def create(self, brightness: int = 100, **parameters: Any) -> JobRecord:
        inputs = self.inputs(brightness, **parameters)
        return self.store.create(inputs, idempotency_key=None, body_sha256="0" * 64).job

    def expire(self, job_id: str) -> None:
        """Let the time for which a finished job is kept be over."""
        engine = sa.create_engine(self.database_url)
        with engine.begin() as connection:
            connection.execute(
                sa.update(schema.jobs).where(schema.jobs.c.id == job_id).values(expires_at=0.0)
            )
        engine.dispose()

    def clients(self, http: httpx.AsyncClient | None = None) -> dict[str, AgentClient]:
        http = http or httpx.AsyncClient(transport=httpx.ASGITransport(self.agents))
        return {kind.agent: AgentClient(http, f"http://{kind.agent}") for kind in StepKind}

    async def drive(self, job_id: str, *, steps: int = 100) -> JobRecord:
        """Run the job's steps one after the other until it is over, or so many of them."""
        seq = len(self.store.steps(job_id))
        for _ in range(steps):
            claim = self.store.claim(job_id, seq)
            if claim is None:
                break
            await run_step(self.store, self.clients(), claim)
            seq += 1
        return self.store.get(job_id)

    def settings(self, **changes: Any) -> Settings:
        values = {
            "artifacts": str(self.directory / "artifacts"),
            "database_url": self.database_url,
            "redis_url": NO_BROKER,
            **changes,
        }
        return Settings(**values)

    @contextlib.asynccontextmanager
    async def api(self, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        """The job API in this process."""
        app = create_app(self.settings(**changes), store=self.store, artifacts=self.artifacts)
        async with app.router.lifespan_context(app):
            await app.state.lifecycle.wait_started()
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                yield client
