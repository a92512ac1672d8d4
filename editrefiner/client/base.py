"""How is one HTTP call made? Deadline, ids, the one retry, and every failure as an exception.

Whether a failure is worth a retry is decided here and nowhere else: by its class.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from editrefiner.client.errors import (
    AnswerUnreadableError,
    ClientError,
    ConnectionLostError,
    DeadlineError,
    RequestRejectedError,
    RunCanceledError,
    ServiceFailedError,
    ServiceUnavailableError,
    ServiceUnreachableError,
)
from editrefiner.contracts import Problem, ProblemCode
from editrefiner.contracts.headers import (
    DEADLINE_MS,
    IDEMPOTENCY_KEY,
    JOB_ID,
    REQUEST_ID,
    RETRY_AFTER,
    TRACEPARENT,
)
from editrefiner.telemetry import context

CONNECT_SECONDS = 5.0
ANSWER_GRACE_SECONDS = 2.0  # the service keeps the deadline itself; this is for its 504 to arrive
DEFAULT_BUSY_SECONDS = 1.0  # a 503 without Retry-After
MAX_BUSY_SECONDS = 600.0  # a full queue of long runs; who names more is asked again earlier

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to make."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    content: bytes | None = None
    key: str | None = None
    """Idempotency-Key; None = none is sent."""
    deadline_seconds: float | None = None
    """Time until the answer; None = as long as it takes."""

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice does what sending it once does."""
        return self.key is not None or self.method == "GET"


class Channel:
    """One service at one address, over a connection pool that the caller owns and keeps.

    A connection that cannot be made or turns out stale is retried once, at once, when the call is
    repeatable. A 503 is retried `retries` times, after the time that it names and MAX_BUSY_SECONDS at
    most; by default it is raised. Cancelling the awaiting task closes the connection, and with it the run
    on the other side.
    """

    def __init__(self, http: httpx.AsyncClient, base_url: str, *, retries: int = 0) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._retries = retries

    async def send(self, call: Call) -> httpx.Response:
        """The answer, with a status below 400 and its body read; else a ClientError."""
        ends_at = None if call.deadline_seconds is None else time.monotonic() + call.deadline_seconds
        refusals = 0
        while True:
            try:
                return await self._send_over_fresh_connection(call, ends_at)
            except ServiceUnavailableError as error:
                refusals += 1
                named = error.retry_after_seconds
                wait = DEFAULT_BUSY_SECONDS if named is None else named
                if refusals > self._retries or (ends_at is not None and time.monotonic() + wait >= ends_at):
                    raise
                await asyncio.sleep(wait)

    async def lines(self, call: Call) -> AsyncGenerator[bytes]:
        """The answer line by line, as they come; a ClientError when it is a refusal or breaks off.

        Closing the generator closes the connection, and with it the work on the other side.
        """
        ends_at = None if call.deadline_seconds is None else time.monotonic() + call.deadline_seconds
        try:
            response = await self._http.send(self.request(call, ends_at), stream=True)
            try:
                if response.status_code >= HTTPStatus.BAD_REQUEST:
                    await response.aread()
                    raise_for_problem(response)
                begun = bytearray()  # httpx takes U+2028 and others for the end of a line; NDJSON does not
                async for chunk in response.aiter_bytes():
                    *whole, rest = chunk.split(b"\n")
                    for end in whole:
                        yield bytes(begun + end)
                        begun.clear()
                    begun += rest
                if begun:
                    yield bytes(begun)
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise self.translated(error) from error

    def request(self, call: Call, ends_at: float | None = None) -> httpx.Request:
        """The request as it goes out: with ids, key, and the time that is left."""
        headers = {**_ids(), **call.headers}
        if call.content is not None:
            headers.setdefault("Content-Type", "application/json")
        if call.key is not None:
            headers[IDEMPOTENCY_KEY] = call.key
        seconds = self._seconds_left(ends_at)
        if seconds is not None:
            headers[DEADLINE_MS] = str(max(1, int(seconds * 1000)))
            seconds += ANSWER_GRACE_SECONDS
        return self._http.build_request(
            call.method,
            self._base_url + call.path,
            headers=headers,
            content=call.content,
            timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
        )

    async def _send_over_fresh_connection(self, call: Call, ends_at: float | None) -> httpx.Response:
        try:
            return await self._send_once(call, ends_at)
        except ServiceUnreachableError:
            if not call.is_repeatable:
                raise
            return await self._send_once(call, ends_at)

    async def _send_once(self, call: Call, ends_at: float | None) -> httpx.Response:
        try:
            response = await self._http.send(self.request(call, ends_at))
        except httpx.HTTPError as error:
            raise self.translated(error) from error
        raise_for_problem(response)
        return response

    def translated(self, error: httpx.HTTPError) -> ClientError:
        """The failure of a connection as one of ours."""
        what = f"{self._base_url}: {type(error).__name__}"
        match error:
            case httpx.ConnectError() | httpx.ConnectTimeout():
                return ServiceUnreachableError(f"{what}. Is the service running at this address?")
            case httpx.TimeoutException():
                return DeadlineError(f"{what}. Give the call more time.")
            case _:
                return ConnectionLostError(f"{what}. The connection broke before the answer.")

    def _seconds_left(self, ends_at: float | None) -> float | None:
        if ends_at is None:
            return None
        seconds = ends_at - time.monotonic()
        if seconds <= 0:
            raise DeadlineError(f"{self._base_url}: the time for this call is over.")
        return seconds


def raise_for_problem(response: httpx.Response) -> None:
    """Raise the ClientError that a status of 400 or above stands for. The body has been read."""
    if response.status_code < HTTPStatus.BAD_REQUEST:
        return
    remote = _problem(response)
    said = remote.detail if remote else f"status {response.status_code} without a problem document"
    detail = f"{response.request.method} {response.request.url.path}: {said}"
    match response.status_code:
        case HTTPStatus.SERVICE_UNAVAILABLE | HTTPStatus.TOO_MANY_REQUESTS:
            raise ServiceUnavailableError(detail, remote=remote, retry_after_seconds=_retry_after(response))
        case HTTPStatus.GATEWAY_TIMEOUT:
            raise DeadlineError(detail, remote=remote)
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ServiceFailedError(detail, remote=remote)
        case _ if remote is not None and remote.code is ProblemCode.CANCELED:
            raise RunCanceledError(detail, remote=remote)
        case _:
            raise RequestRejectedError(detail, remote=remote)


def read_answer(response: httpx.Response, model: type[ModelT]) -> ModelT:
    """The body as a model; AnswerUnreadableError when it is not one."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise AnswerUnreadableError(
            f"{response.request.url.path} answered something that is no {model.__name__}: "
            f"{error.error_count()} fields are wrong. Are both sides of the same version?"
        ) from error


def _problem(response: httpx.Response) -> Problem | None:
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:
        return None


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, as far as they are heeded; None when the header is absent or a date."""
    value = response.headers.get(RETRY_AFTER, "")
    return min(float(value), MAX_BUSY_SECONDS) if value.isascii() and value.isdigit() else None


def _ids() -> dict[str, str]:
    ids = {
        REQUEST_ID: context.request_id.get(),
        JOB_ID: context.job_id.get(),
        TRACEPARENT: context.traceparent.get(),
    }
    return {name: value for name, value in ids.items() if value is not None}
