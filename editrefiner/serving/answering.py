"""How is one request of a verb answered? From the door to the stored result."""

import asyncio
import re
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Generic

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from editrefiner.contracts import FieldError, ProblemError
from editrefiner.contracts.headers import DEADLINE_MS, IDEMPOTENCY_KEY, REPLAYED, RUN_SECONDS
from editrefiner.serving.bodies import Body, parse_request, read_body, resolve_images
from editrefiner.serving.computing import Computer
from editrefiner.serving.disconnect import unless_disconnected
from editrefiner.serving.errors import DeadlineExceededError, ValidationFailedError
from editrefiner.serving.flights import Outcome
from editrefiner.serving.forms import JSON, wants_view
from editrefiner.serving.host import Host
from editrefiner.serving.records import (
    StoredAlias,
    StoredRun,
    content_key,
    idempotency_key,
    request_fingerprint,
    require_match,
)
from editrefiner.serving.request_context import CLIENT_GONE_STATUS
from editrefiner.serving.verbs import AgentT, AnswerT, RequestT, Verb, View
from editrefiner.telemetry import metrics

MAX_DEADLINE_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """What the headers of a request ask for."""

    key: str | None
    """The Idempotency-Key; None = none was sent."""
    seconds: float | None
    """How long the caller waits; None = as long as it takes."""

    @classmethod
    def of(cls, request: Request) -> "Terms":
        """ValidationFailedError when a header is malformed."""
        return cls(
            key=idempotency_key(request.headers.get(IDEMPOTENCY_KEY)),
            seconds=deadline_seconds(request.headers.get(DEADLINE_MS)),
        )


@dataclass(frozen=True, slots=True)
class Landed(Generic[RequestT]):
    """A request whose run is over."""

    request: RequestT
    content_key: str
    outcome: Outcome


class VerbEndpoint(Generic[AgentT, RequestT, AnswerT]):
    """`POST` of one verb."""

    def __init__(self, host: Host[AgentT], verb: Verb[AgentT, RequestT, AnswerT]) -> None:
        self._host = host
        self._verb = verb
        self._work = Computer(host, verb).work

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        agent = self._host.agent  # refuses first: nothing is read for a service that cannot answer
        terms = Terms.of(request)
        view = self._verb.view
        if view is not None and not wants_view(request, view):
            view = None
        with self._host.lifecycle.working():
            deadline = asyncio.timeout(terms.seconds)
            try:
                async with deadline:
                    landed = await self._landed(request, terms, agent.backend.digest)
                    return await self._response(landed, view)
            except TimeoutError as error:
                if not deadline.expired():
                    raise
                metrics.AGENT_REJECTED.labels(self._host.name, "deadline").inc()
                raise DeadlineExceededError(
                    f"There was no answer within {terms.seconds:g} s. Give it more time."
                ) from error
            except ClientDisconnect:
                return Response(status_code=CLIENT_GONE_STATUS)

    async def _landed(self, request: Request, terms: Terms, digest: str) -> Landed[RequestT]:
        """Read, find out what it is, and wait for its run."""
        host, ends_at = self._host, _monotonic_after(terms.seconds)
        with ExitStack() as held:
            async with host.door.enter(is_known=await self._is_known(terms.key)):
                body = await read_body(request)
                asked, asked_fingerprint = await host.beside_lane(partial(self._understand, body))
                alias = StoredAlias(
                    fingerprint=asked_fingerprint, content_key=content_key(digest, asked_fingerprint)
                )
                if terms.key is not None:
                    host.aliases.claim(terms.key, alias)
                    held.callback(host.aliases.release, terms.key)
                    await host.beside_lane(partial(self._keep_alias, terms.key, alias))
                waiter = object()
                flight = host.lane.join(
                    alias.content_key,
                    asked,
                    self._work,
                    waiter=waiter,
                    deadline=ends_at,
                    lookup=partial(host.beside_lane, partial(self._stored, alias.content_key)),
                )
                held.callback(host.lane.leave, flight, waiter)
            outcome = await unless_disconnected(flight.outcome, request.receive)
            return Landed(asked, alias.content_key, outcome)

    async def _response(self, landed: Landed[RequestT], view: View[RequestT, AnswerT] | None) -> Response:
        """The answer in the form that was asked for; raises what the run ended with instead."""
        outcome = landed.outcome
        if isinstance(outcome.result, ProblemError):
            raise outcome.result
        headers = _headers(outcome.result, outcome)
        if self._verb.view is not None:
            headers["Vary"] = "Accept"
        if view is None:
            return Response(outcome.result.answer, HTTPStatus.OK, headers=headers, media_type=JSON)
        answer = self._verb.answer.model_validate_json(outcome.result.answer)
        picture = await self._host.beside_lane(partial(view.draw, landed.request, answer))
        headers["Link"] = f'</v1/runs/{landed.content_key}/answer>; rel="alternate"; type="{JSON}"'
        return Response(picture, HTTPStatus.OK, headers=headers, media_type=view.media_type)

    async def _is_known(self, key: str | None) -> bool:
        """Whether the key says, before the body is read, that no place in the lane will be needed."""
        if key is None:
            return False
        if self._host.aliases.get(key) is not None:
            return True
        if not self._host.lane.is_full:
            return False
        return await self._host.beside_lane(partial(self._host.records.alias, key)) is not None

    # ---------------------------------------------------------------- in threads beside the lane

    def _understand(self, body: Body) -> tuple[RequestT, str]:
        draft = parse_request(self._verb.request, body)
        request = resolve_images(draft, self._host.store)
        return request, request_fingerprint(self._verb.path, request)

    def _keep_alias(self, key: str, alias: StoredAlias) -> None:
        stored = self._host.records.alias(key)
        require_match(stored, alias)
        if stored != alias:
            self._host.records.put_alias(key, alias)

    def _stored(self, key: str) -> StoredRun | None:
        return self._host.records.usable_run(key, self._verb.answer)


def _headers(result: StoredRun, outcome: Outcome) -> dict[str, str]:
    timing = f"queue;dur={outcome.queue_seconds * 1000:.1f}, run;dur={result.run_seconds * 1000:.1f}"
    headers = {RUN_SECONDS: f"{result.run_seconds:.6f}", "Server-Timing": timing}
    if outcome.is_replay:
        headers[REPLAYED] = "true"
    return headers


def deadline_seconds(header: str | None) -> float | None:
    """The time that a caller gives, from its header; None when there is none."""
    if header is None:
        return None
    if not (re.fullmatch(r"[0-9]{1,9}", header) and 0 < int(header) <= MAX_DEADLINE_MS):
        message = f"must be a whole number of milliseconds from 1 to {MAX_DEADLINE_MS}"
        raise ValidationFailedError(
            f"The {DEADLINE_MS} header {message}.",
            errors=(FieldError(field=f"header.{DEADLINE_MS}", message=message),),
        )
    return int(header) / 1000


def _monotonic_after(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds
