"""Where a body that is too long stops."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from editrefiner.serving import BodyLimitMiddleware, install_plumbing
from tests.serving.contract import assert_problem
from tests.serving.scripted import SECONDS

LIMIT = 1000


class Note(BaseModel):
    text: str


def app_that_reads(consumed: list[int], *, max_seconds: float | None = None) -> FastAPI:
    app = FastAPI()
    if max_seconds is not None:
        app.add_middleware(BodyLimitMiddleware, max_bytes=LIMIT, max_seconds=max_seconds)
    install_plumbing(app, service="evaluation", max_body_bytes=LIMIT)

    @app.post("/stream")
    async def stream(request: Request) -> Response:
        async for chunk in request.stream():
            consumed.append(len(chunk))  # noqa: PERF401 — what came before the cut is to be seen
        return Response()

    @app.post("/note")
    async def note(note: Note) -> int:
        consumed.append(len(note.text))
        return len(note.text)

    return app


async def chunks(count: int, size: int) -> AsyncGenerator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def drops(count: int, pause_seconds: float) -> AsyncGenerator[bytes]:
    for _ in range(count):
        yield b"x"
        await asyncio.sleep(pause_seconds)


async def post(
    path: str,
    content: bytes | AsyncGenerator[bytes],
    consumed: list[int],
    *,
    max_seconds: float | None = None,
) -> httpx.Response:
    transport = httpx.ASGITransport(app_that_reads(consumed, max_seconds=max_seconds))
    headers = {"content-type": "application/json"}
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        return await client.post(path, content=content, headers=headers)


async def test_a_body_of_the_limit_is_read() -> None:
    consumed: list[int] = []
    assert (await post("/stream", chunks(10, 100), consumed)).status_code == 200
    assert sum(consumed) == LIMIT


async def test_a_body_that_declares_too_much_is_not_read() -> None:
    consumed: list[int] = []
    assert_problem(await post("/stream", b"x" * (LIMIT + 1), consumed), 413, "body_too_large")
    assert consumed == []


async def test_a_body_of_unknown_length_is_cut_at_the_limit() -> None:
    consumed: list[int] = []
    assert_problem(await post("/stream", chunks(1000, 100), consumed), 413, "body_too_large")
    assert sum(consumed) == LIMIT


async def test_a_route_that_lets_the_framework_read_is_cut_too() -> None:
    consumed: list[int] = []
    assert_problem(await post("/note", chunks(1000, 100), consumed), 413, "body_too_large")
    assert consumed == []


@pytest.mark.parametrize("path", ["/stream", "/note"])
async def test_a_body_that_drips_is_refused_when_its_time_is_over(path: str) -> None:
    async with asyncio.timeout(SECONDS):
        answer = await post(path, drops(LIMIT, pause_seconds=0.1), [], max_seconds=0.3)
    problem = assert_problem(answer, 408, "bad_request")
    assert "artifact references" in problem.detail


async def test_a_hang_up_is_waited_for_longer_than_a_body() -> None:
    gone = asyncio.Event()
    messages = iter([{"type": "http.request", "body": b"x", "more_body": False}])

    async def receive() -> Message:
        for message in messages:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        asyncio.get_running_loop().call_later(0.2, gone.set)
        assert (await receive())["type"] == "http.disconnect"
        gone.clear()

    async def send(_: Message) -> None:
        raise AssertionError

    guarded = BodyLimitMiddleware(app, max_bytes=LIMIT, max_seconds=0.05)
    await guarded({"type": "http", "path": "/", "headers": []}, receive, send)
    assert not gone.is_set()
