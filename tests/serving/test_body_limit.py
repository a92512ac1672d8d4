"""Where a body that is too long stops."""

from collections.abc import AsyncGenerator

import httpx
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from editrefiner.serving import install_plumbing
from tests.serving.contract import assert_problem

LIMIT = 1000


class Note(BaseModel):
    text: str


def app_that_reads(consumed: list[int]) -> FastAPI:
    app = FastAPI()
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


async def post(path: str, content: bytes | AsyncGenerator[bytes], consumed: list[int]) -> httpx.Response:
    transport = httpx.ASGITransport(app_that_reads(consumed))
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
