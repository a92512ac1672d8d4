"""A call to an agent: what is sent, what comes back, what is raised."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from editrefiner.client import (
    AnswerUnreadableError,
    ClientError,
    ConnectionLostError,
    DeadlineError,
    EvaluationClient,
    RequestRejectedError,
    RunCanceledError,
    ServiceFailedError,
    ServiceUnavailableError,
    ServiceUnreachableError,
)
from editrefiner.contracts import (
    PROBLEM_MEDIA_TYPE,
    BackendInfo,
    FieldError,
    Intervals,
    Problem,
    ProblemCode,
    ScoreAnswer,
    ScoreRequest,
    Scores,
)
from editrefiner.telemetry import context

REQUEST = ScoreRequest(source="sha256:" + "2b" * 32, edited="sha256:" + "3c" * 32, instruction="make it red")
BAND = (40.0, 60.0)
ANSWER = ScoreAnswer(
    scores=Scores(
        perceptual_quality=50,
        instruction_following=50,
        visual_consistency=50,
        intervals=Intervals(perceptual_quality=BAND, instruction_following=BAND, visual_consistency=BAND),
    ),
    backend=BackendInfo(name="fake", version="1", digest="0b" * 32),
)
Handler = Callable[[httpx.Request], httpx.Response]


def answered(**headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, content=ANSWER.model_dump_json(), headers={"X-Run-Seconds": "1.5", **named})


def problem(status: int, code: ProblemCode, *, retry_after: str | None = None) -> httpx.Response:
    body = Problem(
        type="https://editrefiner.dev/problems/" + code,
        title="t",
        status=status,
        code=code,
        detail="what is wrong",
        errors=(FieldError(field="source", message="is wrong"),),
        request_id="theirs",
    )
    headers = {"Content-Type": PROBLEM_MEDIA_TYPE}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    return httpx.Response(status, content=body.model_dump_json(), headers=headers)


async def score(handler: Handler, *, retries: int = 0, **options: Any) -> Any:
    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
        return await EvaluationClient(http, "http://evaluation:8104/", retries=retries).score(
            REQUEST, **options
        )


async def failure(handler: Handler, **options: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        await score(handler, **options)
    return caught.value


async def test_an_answer_comes_with_its_run_time() -> None:
    got = await score(lambda request: answered())
    assert (got.value, got.run_seconds, got.replayed) == (ANSWER, 1.5, False)


async def test_a_replay_says_so() -> None:
    assert (await score(lambda request: answered(Idempotent_Replayed="true"))).replayed


async def test_the_request_carries_key_deadline_and_ids() -> None:
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answered()

    trace = f"00-{'ab' * 16}-{'cd' * 8}-01"
    with context.bind(request="r-1", job="j-1", trace=trace):
        await score(handler, key="step-1", deadline_seconds=30)
    (request,) = sent
    assert str(request.url) == "http://evaluation:8104/v1/score"
    assert json.loads(request.content) == REQUEST.model_dump(mode="json")
    assert request.headers["Idempotency-Key"] == "step-1"
    assert 29_000 < int(request.headers["X-Deadline-Ms"]) <= 30_000
    assert request.headers["X-Request-Id"] == "r-1"
    assert request.headers["X-Job-Id"] == "j-1"
    assert request.headers["traceparent"] == trace
    assert 30 < request.extensions["timeout"]["read"] < 40


async def test_what_is_not_set_is_not_sent() -> None:
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return answered()

    await score(handler)
    assert {"idempotency-key", "x-deadline-ms", "x-job-id", "traceparent"}.isdisjoint(sent[0].headers)


@pytest.mark.parametrize(
    ("response", "raised", "retryable"),
    [
        (problem(503, ProblemCode.QUEUE_FULL), ServiceUnavailableError, True),
        (problem(429, ProblemCode.CONFLICT), ServiceUnavailableError, True),
        (problem(504, ProblemCode.DEADLINE_EXCEEDED), DeadlineError, True),
        (problem(500, ProblemCode.BACKEND_FAILED), ServiceFailedError, True),
        (problem(507, ProblemCode.OUT_OF_MEMORY), ServiceFailedError, True),
        (problem(404, ProblemCode.ARTIFACT_NOT_FOUND), RequestRejectedError, False),
        (problem(422, ProblemCode.VALIDATION_FAILED), RequestRejectedError, False),
        (problem(409, ProblemCode.IDEMPOTENCY_MISMATCH), RequestRejectedError, False),
        (problem(409, ProblemCode.CANCELED), RunCanceledError, False),
    ],
)
async def test_a_problem_is_raised_as_its_class(
    response: httpx.Response, raised: type[ClientError], retryable: bool
) -> None:
    error = await failure(lambda request: response)
    assert type(error) is raised
    assert error.retryable is retryable


async def test_the_problem_of_the_other_side_is_handed_on() -> None:
    error = await failure(lambda request: problem(413, ProblemCode.IMAGE_TOO_LARGE))
    handed_on = error.problem(instance="/v1/jobs/1", request_id="ours")
    assert (handed_on.code, handed_on.status, handed_on.detail) == ("image_too_large", 413, "what is wrong")
    assert (handed_on.instance, handed_on.request_id) == ("/v1/jobs/1", "ours")
    assert handed_on.errors[0].field == "source"


async def test_a_busy_service_says_when_to_come_back() -> None:
    error = await failure(lambda request: problem(503, ProblemCode.QUEUE_FULL, retry_after="7"))
    assert isinstance(error, ServiceUnavailableError)
    assert (error.busy, error.retry_after_seconds) == (True, 7.0)


@pytest.mark.parametrize("named", ["601", "9" * 400])
async def test_no_service_sends_a_caller_away_for_long(named: str) -> None:
    error = await failure(lambda request: problem(503, ProblemCode.QUEUE_FULL, retry_after=named))
    assert error.retry_after_seconds == 600.0


async def test_a_gateway_that_answers_for_a_service_is_no_busy_service() -> None:
    error = await failure(lambda request: httpx.Response(503, html="<h1>Bad gateway</h1>"))
    assert isinstance(error, ServiceUnavailableError)
    assert (error.busy, error.retry_after_seconds, error.remote) == (False, None, None)


@pytest.mark.parametrize("content", [b"", b"<html>", b"{}", b'{"scores": {}}'])
async def test_an_answer_that_is_none_is_unreadable(content: bytes) -> None:
    error = await failure(lambda request: httpx.Response(200, content=content))
    assert type(error) is AnswerUnreadableError
    assert not error.retryable


async def test_an_answer_without_its_run_time_is_unreadable() -> None:
    error = await failure(lambda request: httpx.Response(200, content=ANSWER.model_dump_json()))
    assert type(error) is AnswerUnreadableError


class Flaky:
    """Fails some times, then answers."""

    def __init__(self, *failures: type[httpx.TransportError] | httpx.Response) -> None:
        self._failures = list(failures)
        self.calls = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        if not self._failures:
            return answered()
        failure = self._failures.pop(0)
        if isinstance(failure, httpx.Response):
            return failure
        raise failure("broken")


@pytest.mark.parametrize("broken", [httpx.ConnectError, httpx.RemoteProtocolError, httpx.ReadError])
async def test_a_broken_connection_is_tried_once_more_under_a_key(broken: type[httpx.TransportError]) -> None:
    handler = Flaky(broken)
    assert (await score(handler, key="step")).value == ANSWER
    assert handler.calls == 2


async def test_without_a_key_nothing_is_sent_twice() -> None:
    handler = Flaky(httpx.RemoteProtocolError)
    assert type(await failure(handler)) is ConnectionLostError
    assert handler.calls == 1


@pytest.mark.parametrize(
    ("broken", "raised"),
    [
        (httpx.ConnectError, ServiceUnreachableError),
        (httpx.ConnectTimeout, ServiceUnreachableError),
        (httpx.RemoteProtocolError, ConnectionLostError),
        (httpx.ReadTimeout, DeadlineError),
    ],
)
async def test_a_connection_that_stays_broken_is_raised(
    broken: type[httpx.TransportError], raised: type[ClientError]
) -> None:
    error = await failure(Flaky(broken, broken), key="step")
    assert type(error) is raised
    assert error.retryable


async def test_a_busy_service_is_not_asked_again_by_default() -> None:
    handler = Flaky(problem(503, ProblemCode.QUEUE_FULL, retry_after="1"))
    await failure(handler, key="step")
    assert handler.calls == 1


async def test_a_busy_service_is_asked_again_as_often_as_is_wanted() -> None:
    busy = problem(503, ProblemCode.QUEUE_FULL, retry_after="0")
    assert (await score(Flaky(busy), retries=1)).value == ANSWER
    handler = Flaky(busy, busy)
    assert type(await failure(handler, retries=1)) is ServiceUnavailableError
    assert handler.calls == 2


async def test_no_wait_goes_past_the_deadline() -> None:
    handler = Flaky(problem(503, ProblemCode.QUEUE_FULL, retry_after="3600"))
    error = await failure(handler, retries=5, deadline_seconds=60)
    assert type(error) is ServiceUnavailableError
    assert handler.calls == 1


async def test_a_call_that_is_canceled_leaves_the_connection() -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    class Endless(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            entered.set()
            try:
                await asyncio.Event().wait()
            finally:
                left.set()
            raise AssertionError

    async with httpx.AsyncClient(transport=Endless()) as http:
        call = asyncio.create_task(EvaluationClient(http, "http://evaluation").score(REQUEST, key="step"))
        await entered.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert left.is_set()
