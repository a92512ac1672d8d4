"""The client of the job API, against a server that answers as the API says."""

import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import pytest

from editrefiner.client import JobsClient, RequestRejectedError
from editrefiner.contracts import ImageRef, Job, JobEvent, JobRequest, JobStatus

MOMENT = "2026-01-02T03:04:05.000Z"
REF = ImageRef(sha256="2b" * 32, width=8, height=6)
REQUEST = JobRequest(source=REF, edited=REF, instruction="make it red")
Handler = Callable[[httpx.Request], httpx.Response]


def job(status: JobStatus = JobStatus.RUNNING) -> Job:
    return Job.model_validate(
        {
            "id": "j1",
            "status": status,
            "instruction": "make it red",
            "source": REF.model_dump(),
            "edited": REF.model_dump(),
            "parameters": {},
            "progress": {},
            "created_at": MOMENT,
            "updated_at": MOMENT,
            "deadline_at": MOMENT,
            "links": dict.fromkeys(("self", "events", "iterations", "cancel", "bundle"), "/"),
        }
    )


def answer(model: Job, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=model.model_dump_json())


def frames(*events: JobEvent) -> bytes:
    return b"".join(
        f"id: {event.seq}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()
        for event in events
    )


def event(seq: int, kind: str = "step.completed") -> JobEvent:
    return JobEvent.model_validate({"seq": seq, "type": kind, "at": MOMENT})


class Server:
    """Answers from a script, and remembers what was asked."""

    def __init__(self, *responses: httpx.Response | Exception) -> None:
        self._responses = list(responses)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        response = self._responses.pop(0)
        if isinstance(response, Exception):
            raise response
        return response


@pytest.fixture
async def jobs_of() -> AsyncGenerator[Callable[[Handler], JobsClient]]:
    pools: list[httpx.AsyncClient] = []

    def make(handler: Handler) -> JobsClient:
        pools.append(httpx.AsyncClient(transport=httpx.MockTransport(handler)))
        return JobsClient(pools[-1], "http://api")

    yield make
    for pool in pools:
        await pool.aclose()


Make = Callable[[Handler], JobsClient]


async def test_a_submission_has_a_key_even_when_none_is_given(jobs_of: Make) -> None:
    server = Server(httpx.ConnectError("refused"), answer(job(), 202))
    assert (await jobs_of(server).submit(REQUEST)).id == "j1"
    first, second = server.asked
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] != ""
    assert json.loads(second.content)["instruction"] == "make it red"


async def test_waiting_asks_until_the_end(jobs_of: Make) -> None:
    server = Server(answer(job(JobStatus.SUCCEEDED)))
    assert (await jobs_of(server).wait("j1")).status is JobStatus.SUCCEEDED
    assert server.asked[0].headers["Prefer"] == "wait=60"


async def test_waiting_for_no_time_asks_once(jobs_of: Make) -> None:
    server = Server(answer(job()))
    assert (await jobs_of(server).wait("j1", timeout_seconds=0)).status is JobStatus.RUNNING
    assert server.asked[0].headers["Prefer"] == "wait=0"


async def test_a_page_is_asked_for_by_what_is_given(jobs_of: Make) -> None:
    server = Server(httpx.Response(200, json={"items": [], "next_cursor": None}))
    await jobs_of(server).page(status=JobStatus.FAILED, limit=5)
    assert dict(server.asked[0].url.params) == {"status": "failed", "limit": "5"}


async def test_events_end_with_the_event_that_ends_the_job(jobs_of: Make) -> None:
    events = [event(1, "job.created"), event(2), event(3, "job.succeeded")]
    server = Server(httpx.Response(200, content=frames(*events)))
    assert [got async for got in jobs_of(server).events("j1")] == events
    assert server.asked[0].headers["Accept"] == "text/event-stream"


async def test_an_interrupted_stream_goes_on_behind_its_last_event(jobs_of: Make) -> None:
    async def breaks_off() -> AsyncGenerator[bytes]:
        yield frames(event(1), event(2))
        raise httpx.ReadError("reset")

    server = Server(
        httpx.Response(200, content=breaks_off()),
        httpx.Response(200, content=frames(event(3, "job.canceled"))),
    )
    assert [got.seq async for got in jobs_of(server).events("j1")] == [1, 2, 3]
    assert [request.headers["Last-Event-ID"] for request in server.asked] == ["0", "2"]


async def test_events_of_a_finished_job_that_were_all_seen_are_none(jobs_of: Make) -> None:
    server = Server(httpx.Response(204))
    assert [got async for got in jobs_of(server).events("j1", after=9)] == []


async def test_events_of_an_unknown_job_are_refused(jobs_of: Make) -> None:
    server = Server(httpx.Response(404, json={}))
    with pytest.raises(RequestRejectedError):
        await anext(jobs_of(server).events("j1"))


@pytest.mark.parametrize("image", [REF, REF.sha256, REF.artifact_id])
async def test_an_artifact_is_fetched_by_any_name_it_has(jobs_of: Make, image: Any) -> None:
    server = Server(httpx.Response(200, content=b"png"))
    assert await jobs_of(server).artifact(image) == b"png"
    assert server.asked[0].url.path == f"/v1/artifacts/{REF.sha256}"


async def test_cancel_and_delete_go_to_the_job(jobs_of: Make) -> None:
    server = Server(answer(job(JobStatus.CANCELING), 202), httpx.Response(204))
    jobs = jobs_of(server)
    assert (await jobs.cancel("j1")).status is JobStatus.CANCELING
    await jobs.delete("j1")
    assert [(request.method, request.url.path) for request in server.asked] == [
        ("POST", "/v1/jobs/j1/cancel"),
        ("DELETE", "/v1/jobs/j1"),
    ]
