"""How does an agent become a service? One application with its verbs, probes and problems."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Path
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from editrefiner import __version__
from editrefiner.contracts import CONTRACT_VERSION, RunState, RunStatus, ServiceInfo
from editrefiner.contracts.headers import RUN_SECONDS
from editrefiner.serving.answering import VerbEndpoint
from editrefiner.serving.body_limit import BodyLimitMiddleware
from editrefiner.serving.errors import AlreadyFinishedError, NotFoundError
from editrefiner.serving.flights import Batching
from editrefiner.serving.forms import JSON
from editrefiner.serving.host import Host, Life
from editrefiner.serving.openapi import (
    install_openapi,
    problem_answers,
    stored_answer,
    verb_answers,
    verb_operation,
)
from editrefiner.serving.probes import probes
from editrefiner.serving.problems import install_problem_handlers
from editrefiner.serving.records import KEY_PATTERN, StoredRun
from editrefiner.serving.request_context import RequestContextMiddleware
from editrefiner.serving.settings import ServiceSettings
from editrefiner.serving.verbs import AgentT, ImageStore, Reading, Verb

ServiceName = Literal["perception", "reasoning", "action", "evaluation"]
RunKey = Annotated[str, Path(pattern=KEY_PATTERN, description="An Idempotency-Key, or a content key.")]


def create_service(
    *,
    name: ServiceName,
    settings: ServiceSettings,
    store: ImageStore,
    verbs: Sequence[Verb[AgentT, Any, Any]],  # each verb has its own request and answer
    load: Callable[[], AgentT],
    check: Callable[[AgentT], None] = lambda _: None,
    unload: Callable[[AgentT], None] = lambda _: None,
    read: Callable[[AgentT], Reading] | None = None,
    batching: Batching | None = None,
    routes: Sequence[Callable[[Host[AgentT]], APIRouter]] = (),
    models: Sequence[type[BaseModel]] = (),
    version: str = __version__,
) -> FastAPI:
    """The application of one agent.

    Its lifespan loads the agent in the background: it answers probes at once and verbs once it is ready.
    `check` raises while a loaded agent must not get work; what may be retried is checked again until it
    passes. `unload` gives back at the end what the agent holds. `app.state.lifecycle` tells and changes the
    state; `run_service` drains by it. `read` adds to its description how to read its answers; `batching` lets
    runs share the lane where the verb can `run_together`. `routes` are what it answers beside its verbs, and
    `models` the schemas that these name in the API document.
    """
    host = Host(name, settings, store, Life(load, check, unload), batching or Batching())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        host.start()
        try:
            yield
        finally:
            await host.stop()

    app = FastAPI(
        title=f"EditRefiner {name}",
        version=version,
        description=f"The {name} agent of EditRefiner. A picture is sent as an artifact reference, "
        "a `data:` URI or a part of a form, never as a URL.",
        lifespan=lifespan,
        docs_url=None,  # the page that FastAPI offers loads scripts from the network
        redoc_url=None,
    )
    app.state.lifecycle = host.lifecycle
    install_plumbing(app, service=name, max_body_bytes=settings.max_body_bytes)
    app.include_router(_verbs(host, verbs))
    for beside in routes:
        app.include_router(beside(host))
    app.include_router(_runs(host, verbs))
    app.include_router(_info(host, name, version, read))
    app.include_router(probes(host.lifecycle))
    install_openapi(app, verbs, models)
    return app


def install_plumbing(app: FastAPI, *, service: str, max_body_bytes: int) -> None:
    """Problems, ids, access log, HTTP metrics and the body limit: what every app of the suite has."""
    install_problem_handlers(app)
    app.add_middleware(BodyLimitMiddleware, max_bytes=max_body_bytes)
    app.add_middleware(RequestContextMiddleware, service=service)  # added last: the outermost


def _verbs(host: Host[AgentT], verbs: Sequence[Verb[AgentT, Any, Any]]) -> APIRouter:
    router = APIRouter(tags=["verbs"])
    for verb in verbs:
        router.add_api_route(
            verb.path,
            VerbEndpoint(host, verb).answer,
            methods=["POST"],
            operation_id=verb.path.rpartition("/")[2],
            summary=verb.summary,
            description=verb.description,
            responses=verb_answers(verb),
            response_class=Response,
            openapi_extra=verb_operation(verb),
        )
    return router


def _runs(host: Host[AgentT], verbs: Sequence[Verb[AgentT, Any, Any]]) -> APIRouter:
    router = APIRouter(tags=["runs"], prefix="/v1/runs")
    answers = {verb.path: verb.answer for verb in verbs}

    async def content_key_of(key: str) -> str:
        alias = host.aliases.get(key) or await host.beside_lane(lambda: host.records.alias(key))
        return alias.content_key if alias else key

    async def is_stored(content_key: str) -> bool:
        return await host.beside_lane(lambda: host.records.run(content_key)) is not None

    def kept(content_key: str) -> StoredRun | None:
        stored = host.records.run(content_key)
        if stored is None or stored.verb not in answers:
            return None
        return host.records.usable_run(content_key, answers[stored.verb])

    @router.get(
        "/{key}", operation_id="get_run", summary="Where is a run?", responses=problem_answers(422, 500)
    )
    async def get_run(key: RunKey) -> RunStatus:  # pyright: ignore[reportUnusedFunction] — by its decorator
        """`unknown` covers runs never asked for, canceled, or failed: asking for them starts them anew."""
        content_key = await content_key_of(key)
        state = host.lane.state(content_key)
        if state is RunState.UNKNOWN and await is_stored(content_key):
            state = RunState.DONE
        return RunStatus(key=key, state=state)

    @router.get(
        "/{key}/answer",
        operation_id="get_run_answer",
        summary="What did a run answer?",
        response_class=Response,
        responses={200: stored_answer(verbs), **problem_answers(404, 422, 500)},
    )
    async def get_run_answer(key: RunKey) -> Response:  # pyright: ignore[reportUnusedFunction] — by its decorator
        """The JSON that the verb answered, byte for byte, while it and its pictures are kept."""
        content_key = await content_key_of(key)
        stored = await host.beside_lane(lambda: kept(content_key))
        if stored is None:
            raise NotFoundError(f"There is no answer of run {key}. Ask for it again by its verb.")
        headers = {RUN_SECONDS: f"{stored.run_seconds:.6f}"}
        return Response(stored.answer, headers=headers, media_type=JSON)

    @router.delete(
        "/{key}",
        operation_id="cancel_run",
        summary="Cancel a run",
        status_code=202,
        responses=problem_answers(404, 409, 422, 500),
    )
    async def cancel_run(key: RunKey) -> RunStatus:  # pyright: ignore[reportUnusedFunction] — by its decorator
        """Everyone who waits for it is answered 409 `canceled`; the backend stops at its next checkpoint."""
        content_key = await content_key_of(key)
        if host.lane.cancel(content_key) or host.lane.state(content_key) is RunState.RUNNING:
            return RunStatus(key=key, state=host.lane.state(content_key))
        if await is_stored(content_key):
            raise AlreadyFinishedError(f"Run {key} is finished; there is nothing to cancel.")
        raise NotFoundError(f"There is no run {key} in hand.")

    return router


def _info(
    host: Host[AgentT], name: ServiceName, version: str, read: Callable[[AgentT], Reading] | None
) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/v1/info", operation_id="info", summary="What is this?", responses=problem_answers(503))
    async def info(_: Request) -> ServiceInfo:  # pyright: ignore[reportUnusedFunction] — by its decorator
        """The backend, its digest, weights and licence, the limits, and how to read the answers."""
        reading = read(host.loaded_agent) if read is not None else Reading()
        return ServiceInfo(
            service=name,
            version=version,
            contract_version=CONTRACT_VERSION,
            backend=host.loaded_agent.backend,
            limits=host.settings.limits(),
            thresholds=dict(reading.thresholds),
            conventions=dict(reading.conventions),
            scoring=reading.scoring,
        )

    return router
