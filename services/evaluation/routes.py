"""What does the evaluation service answer beside its verbs? Batches, rewards, and the probes on demand."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import ExitStack, aclosing, suppress
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from editrefiner.contracts import (
    MAX_BATCH_ITEMS,
    ProbeReport,
    Problem,
    ProblemError,
    Reward,
    RewardAnswer,
    RewardRequest,
    ScoreAnswer,
    ScoredItem,
    ScoreItem,
    ScoreRequest,
    ScoreWeights,
)
from editrefiner.contracts.headers import DEADLINE_MS, RUN_SECONDS
from editrefiner.serving import (
    Body,
    Hold,
    Host,
    Many,
    Outcome,
    StoredRun,
    Verb,
    deadline_seconds,
    problem_answers,
    read_body,
    unless_disconnected,
)
from editrefiner.telemetry import context
from services.evaluation.agent import EvaluationAgent, rewarded
from services.evaluation.batches import JSON, NDJSON, Item, batch_items, reward_items
from services.evaluation.probes import ProbesFailedError

SCHEMAS = (ScoreItem, ScoredItem, RewardRequest, RewardAnswer)
"""What the API document has to define for these routes."""
BATCH_STATUSES = (408, 413, 415, 422, 500, 503)
BATCH = (
    f"A list of at most {MAX_BATCH_ITEMS} items, as JSON or NDJSON. The answer is NDJSON: a line per item in "
    "the order of the request, as soon as it is done, with `answer` or, where that item cannot be scored, "
    "`problem`. There is no closing line. Hanging up cancels the rest. Every item is stored as the same "
    "request to `/v1/score` is, so that a repeat computes nothing again."
)
REWARD = (
    "For reinforcement learning: a reward of 0..1 per item, in the order of the request, with raw scores. "
    "Equal requests get equal rewards. An item that cannot be scored has `reward` null and a `problem`; the "
    "others are not affected."
)
CLIENT_GONE = Response(status_code=499)  # never sent: how the log names a caller that hung up

ScoreVerb = Verb[EvaluationAgent, ScoreRequest, ScoreAnswer]
ResultT = TypeVar("ResultT")


class BatchRoutes:
    """`POST /v1/score:batch` and `POST /v1/reward`: every item is a run of `POST /v1/score`."""

    def __init__(self, host: Host[EvaluationAgent], verb: ScoreVerb) -> None:
        self._host = host
        self._many = Many(host, verb)
        self._hold = Hold(host.lane, max_body_bytes=host.settings.max_body_bytes)

    async def score(self, request: Request) -> Response:
        """One line per item, each as soon as it and those before it are done."""
        seconds = deadline_seconds(request.headers.get(DEADLINE_MS))
        body = await self._body(request, (JSON, NDJSON))
        if body is None:
            return CLIENT_GONE
        with ExitStack() as held:
            held.enter_context(self._hold.keep(len(body.content)))
            items = await self._host.beside_lane(partial(batch_items, body))
            return Lines(self._host, self._lines(items, seconds, request.scope["path"]), held.pop_all())

    async def reward(self, request: Request) -> Response:
        """One JSON document when all items are done."""
        seconds = deadline_seconds(request.headers.get(DEADLINE_MS))
        body = await self._body(request, (JSON,))
        if body is None:
            return CLIENT_GONE
        with self._hold.keep(len(body.content)), self._host.lifecycle.working():
            items, weights = await self._host.beside_lane(partial(reward_items, body))
            del body  # its pictures are in the items
            try:
                return await _unless_gone(self._rewards(items, weights, seconds, request), request.receive)
            except ClientDisconnect:
                return CLIENT_GONE

    async def _body(self, request: Request, taken: Sequence[str]) -> Body | None:
        """The body, once there is a place to work on it; None when the caller hung up meanwhile."""
        _ = self._host.agent  # refuses first: nothing is read for a service that cannot answer
        try:
            async with self._host.door.enter(is_known=False):
                return await read_body(request, taken=taken)
        except ClientDisconnect:
            return None

    async def _lines(self, items: Sequence[Item], seconds: float | None, path: str) -> AsyncGenerator[bytes]:
        outcomes = self._many.outcomes((item.ask for item in items), seconds=seconds)
        async with aclosing(outcomes):
            index = 0
            async for outcome in outcomes:
                yield _line(index, items[index].id, outcome, path)
                index += 1

    async def _rewards(
        self, items: Sequence[Item], weights: ScoreWeights, seconds: float | None, request: Request
    ) -> Response:
        rewards: list[Reward] = []
        run_seconds = 0.0
        outcomes = self._many.outcomes((item.ask for item in items), seconds=seconds)
        async with aclosing(outcomes):
            async for outcome in outcomes:
                name = items[len(rewards)].id
                if isinstance(outcome, StoredRun):
                    run_seconds += outcome.run_seconds
                    scores = ScoreAnswer.model_validate_json(outcome.answer).scores
                    rewards.append(rewarded(scores, weights, name=name))
                else:
                    problem = _problem(outcome, request.scope["path"])
                    rewards.append(Reward(id=name, reward=None, interval=None, scores=None, problem=problem))
        answer = RewardAnswer(
            rewards=tuple(rewards), weights=weights, backend=self._host.loaded_agent.backend
        )
        headers = {RUN_SECONDS: f"{run_seconds:.6f}"}
        return Response(answer.model_dump_json(), headers=headers, media_type=JSON)


class ProbeRoute:
    """`POST /v1/probes`: a real run of all probes, which decides whether the service goes on taking work.

    Those who ask at once share it.
    """

    def __init__(self, host: Host[EvaluationAgent]) -> None:
        self._host = host
        self._running: asyncio.Task[ProbeReport] | None = None

    async def probe(self) -> ProbeReport:
        """The report of this run. Probes that fail are an answer, and turn `/readyz` red until they pass."""
        agent = self._host.held_agent
        if self._running is None or self._running.done():
            if self._host.lane.is_full:
                raise self._host.lane.queue_full()
            self._running = asyncio.create_task(self._probed(agent))
        with self._host.lifecycle.working():
            return await asyncio.shield(self._running)

    async def _probed(self, agent: EvaluationAgent) -> ProbeReport:
        try:
            await self._host.admit()
        except ProbesFailedError as error:
            self._host.lifecycle.fail(error.detail)
        report = agent.scoring.probes
        assert report is not None  # the check has just run
        return report


class Lines(Response):
    """A stream of NDJSON that ends with its client: when that hangs up, the work behind it is given up."""

    media_type = NDJSON

    def __init__(self, host: Host[EvaluationAgent], lines: AsyncGenerator[bytes], held: ExitStack) -> None:
        super().__init__()
        del self.headers["content-length"]  # nobody knows it yet
        self._host = host
        self._lines = lines
        self._held = held  # let go of when the stream ends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 — ASGI's
        """Send it."""
        with self._held, self._host.lifecycle.working(), suppress(ClientDisconnect):
            await _unless_gone(self._send(send), receive)

    async def _send(self, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": HTTPStatus.OK, "headers": list(self.raw_headers)}
        )
        async with aclosing(self._lines):
            async for line in self._lines:
                await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def batch_routes(host: Host[EvaluationAgent], *, verb: ScoreVerb) -> APIRouter:
    """The router of `BatchRoutes`."""
    router, routes = APIRouter(tags=["verbs"]), BatchRoutes(host, verb)
    line = {"schema": {"$ref": "#/components/schemas/ScoredItem"}}
    answer = {"schema": {"$ref": "#/components/schemas/RewardAnswer"}}
    router.add_api_route(
        "/v1/score:batch",
        routes.score,
        methods=["POST"],
        operation_id="score_batch",
        summary="Score many edits",
        description=BATCH,
        response_class=Response,
        responses={200: {"description": "A line per item.", "content": {NDJSON: line}}, **_refusals()},
        openapi_extra=_asked_with(
            {
                JSON: {"schema": _list_of_items()},
                NDJSON: {"schema": {"type": "string", "description": "One item of the list per line."}},
            }
        ),
    )
    router.add_api_route(
        "/v1/reward",
        routes.reward,
        methods=["POST"],
        operation_id="reward",
        summary="Reward many edits",
        description=REWARD,
        response_class=Response,
        responses={200: {"description": "A reward per item.", "content": {JSON: answer}}, **_refusals()},
        openapi_extra=_asked_with({JSON: {"schema": _reward_body()}}),
    )
    return router


def probe_routes(host: Host[EvaluationAgent]) -> APIRouter:
    """The router of `ProbeRoute`."""
    router = APIRouter(tags=["operations"])
    router.add_api_route(
        "/v1/probes",
        ProbeRoute(host).probe,
        methods=["POST"],
        operation_id="probes",
        summary="Does the scorer look at what it is given?",
        description="Runs the probes of the start again and answers what each expected and found. "
        "`/readyz` is red from a run that fails to one that passes.",
        responses=problem_answers(500, 503),
    )
    return router


async def _unless_gone(work: Awaitable[ResultT], receive: Receive) -> ResultT:
    """What the work comes to; when the caller hangs up it is ended, and ClientDisconnect raised."""
    task = asyncio.ensure_future(work)
    try:
        return await unless_disconnected(task, receive)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _line(index: int, name: str | None, outcome: Outcome, path: str) -> bytes:
    if isinstance(outcome, StoredRun):
        item = ScoredItem(index=index, id=name, answer=ScoreAnswer.model_validate_json(outcome.answer))
    else:
        item = ScoredItem(index=index, id=name, problem=_problem(outcome, path))
    return item.model_dump_json().encode() + b"\n"


def _problem(error: ProblemError, path: str) -> Problem:
    return error.problem(instance=path, request_id=context.request_id.get() or "")


def _refusals() -> dict[int | str, dict[str, Any]]:  # an OpenAPI fragment: an open tree of JSON values
    return problem_answers(*BATCH_STATUSES)


def _asked_with(content: dict[str, Any]) -> dict[str, Any]:  # as above
    parameter = {
        "name": DEADLINE_MS,
        "in": "header",
        "description": "Milliseconds the caller waits for the whole batch; items that are not done by then "
        "have the problem `deadline_exceeded`.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 86_400_000},
    }
    return {"parameters": [parameter], "requestBody": {"required": True, "content": content}}


def _list_of_items() -> dict[str, Any]:  # as above
    """Items are looked at one by one: one that does not fit is answered in its place, with a problem."""
    other = {"description": "Anything else is answered with a problem in its place."}
    fitting = {"$ref": "#/components/schemas/ScoreItem"}
    return {"type": "array", "minItems": 1, "maxItems": MAX_BATCH_ITEMS, "items": {"anyOf": [fitting, other]}}


def _reward_body() -> dict[str, Any]:  # as above
    weights = {"$ref": "#/components/schemas/ScoreWeights"}
    return {
        "type": "object",
        "properties": {"items": _list_of_items(), "weights": weights},
        "required": ["items"],
        "additionalProperties": False,
    }
