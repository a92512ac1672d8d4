"""An agent whose runs do what their instruction says, and the means to serve it inside a test."""

import asyncio
import base64
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import httpx
import numpy as np
from fastapi import FastAPI
from prometheus_client import REGISTRY

from editrefiner.artifacts import ArtifactStore, encode_png, open_store
from editrefiner.contracts import (
    BackendInfo,
    Interval,
    Intervals,
    ProblemCode,
    ProblemError,
    Ranking,
    RankRequest,
    ScoreAnswer,
    ScoreRequest,
    Scores,
)
from editrefiner.serving import Run, ServiceSettings, Verb, create_service
from editrefiner.telemetry import context

SECONDS = 20  # by which anything that is going to happen has happened


class UnfitPicturesError(ProblemError):
    """An expected refusal of the agent."""

    code: ClassVar[ProblemCode] = ProblemCode.IMAGES_MISMATCHED
    status: ClassVar[int] = 422


@dataclass
class ScriptedAgent:
    """Does what the first word of the instruction says; `finish` lets go of runs that hold."""

    digest: str = "0b" * 32
    warm_up_failure: Exception | None = None
    finish: threading.Event = field(default_factory=threading.Event)
    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    ids: list[tuple[str | None, str | None, str | None]] = field(default_factory=list)
    seconds_left: list[float | None] = field(default_factory=list)
    warm_ups: int = 0

    @property
    def backend(self) -> BackendInfo:
        return BackendInfo(name="scripted", version="1", digest=self.digest)

    def warm_up(self) -> None:
        self.warm_ups += 1
        if self.warm_up_failure is not None:
            raise self.warm_up_failure

    def score(self, request: ScoreRequest, run: Run) -> ScoreAnswer:
        self.started.append(request.instruction)
        self.ids.append((context.request_id.get(), context.job_id.get(), context.traceparent.get()))
        self.seconds_left.append(run.seconds_left)
        match request.instruction.split()[0]:
            case "hold":  # between checkpoints, as a diffusion backend between its steps
                while not self.finish.wait(0.005):
                    try:
                        run.checkpoint()
                    except ProblemError:
                        self.stopped.append(request.instruction)
                        raise
            case "deafen":
                self.finish.wait(SECONDS)
            case "break":
                raise ZeroDivisionError("secret of the backend")
            case "exhaust":
                raise MemoryError
            case "refuse":
                raise UnfitPicturesError("source and edited do not show the same scene. Send a pair.")
            case _:
                pass
        return ScoreAnswer(scores=scores(50.0), backend=self.backend)

    def rank(self, request: RankRequest, run: Run) -> Ranking:
        run.checkpoint()
        count = len(request.candidates)
        return Ranking(scores=(scores(50.0),) * count, order=tuple(range(count)), backend=self.backend)


def scores(value: float) -> Scores:
    interval: Interval = (value, value)
    return Scores(
        perceptual_quality=value,
        instruction_following=value,
        visual_consistency=value,
        intervals=Intervals(
            perceptual_quality=interval, instruction_following=interval, visual_consistency=interval
        ),
    )


def score(agent: ScriptedAgent, request: ScoreRequest, run: Run) -> ScoreAnswer:
    return agent.score(request, run)


def rank(agent: ScriptedAgent, request: RankRequest, run: Run) -> Ranking:
    return agent.rank(request, run)


VERBS = (
    Verb(
        path="/v1/score",
        request=ScoreRequest,
        answer=ScoreAnswer,
        run=score,
        summary="Score",
        description="Does what the instruction says.",
    ),
    Verb(
        path="/v1/rank",
        request=RankRequest,
        answer=Ranking,
        run=rank,
        summary="Rank",
        description="Finds all equal.",
    ),
)


def picture(seed: int = 0) -> str:
    """A small picture as a data: URI."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return "data:image/png;base64," + base64.b64encode(encode_png(pixels)).decode()


def question(instruction: str = "answer", **changes: Any) -> dict[str, Any]:
    return {"source": picture(0), "edited": picture(1), "instruction": instruction, **changes}


def store_at(directory: Path) -> ArtifactStore:
    return open_store(str(directory))


def scripted_app(
    directory: Path,
    agent: ScriptedAgent | None = None,
    *,
    load: Callable[[], ScriptedAgent] | None = None,
    unload: Callable[[ScriptedAgent], None] = lambda _: None,
    verbs: Sequence[Verb[ScriptedAgent, Any, Any]] = VERBS,
    **settings: Any,
) -> FastAPI:
    """A service on the store in `directory`; the same directory again is the service restarted."""
    served = agent or ScriptedAgent()
    return create_service(
        name="evaluation",
        settings=ServiceSettings(**settings),
        store=store_at(directory),
        verbs=verbs,
        load=load or (lambda: served),
        unload=unload,
    )


@asynccontextmanager
async def client_of(app: FastAPI, *, until_started: bool = True) -> AsyncGenerator[httpx.AsyncClient]:
    """The app with its lifespan entered, and a client to it without a network between."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        if until_started:
            await app.state.lifecycle.wait_started()
        yield client


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 — what is waited for happens in other threads and processes
            await asyncio.sleep(0.005)


def sample(name: str, **labels: str) -> float:
    """The value of a metric now; 0 when it was never touched."""
    return REGISTRY.get_sample_value(name, {"service": "evaluation", **labels}) or 0.0
