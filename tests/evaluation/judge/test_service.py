"""The judge is on another server: while that is away the service is red, alive, and goes on asking."""

import asyncio
from pathlib import Path

import httpx
import numpy as np
from fastapi import FastAPI

from editrefiner.contracts import ProbeReport, ScoreAnswer
from services.evaluation.app import create_app
from services.evaluation.settings import Settings
from tests.evaluation.judge.chat_server import Server, answering, bound, failed, looking, said
from tests.evaluation.test_contract import uri
from tests.serving.contract import assert_problem
from tests.serving.scripted import client_of, eventually

QUESTION = {
    "source": uri(np.zeros((32, 32, 3), np.uint8)),
    "edited": uri(np.full((32, 32, 3), 90, np.uint8)),
    "instruction": "Make it grey",
}


def app_of(server: Server, artifacts: Path) -> FastAPI:
    settings = Settings(
        artifacts=str(artifacts),
        backend="judge",
        judge_url=server.url,
        judge_model="m",
        judge_retries=0,
    )
    return create_app(settings)


async def ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == httpx.codes.OK


async def until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while not await ready(client):  # noqa: ASYNC110 — what is waited for happens in other threads
            await asyncio.sleep(0.05)


async def test_the_judge_is_left_when_the_service_stops(server: Server, tmp_path: Path) -> None:
    server.reply = looking
    async with client_of(app_of(server, tmp_path)) as client:
        assert await ready(client)
        assert server.connections > 0
    await eventually(lambda: server.connections == 0)


async def test_a_judge_that_is_away_keeps_the_service_red_and_alive_until_it_comes(tmp_path: Path) -> None:
    with bound() as server:
        server.reply = looking
        async with client_of(app_of(server, tmp_path)) as client:
            problem = assert_problem(await client.get("/readyz"), 503, "not_ready")
            assert "EVALUATION_JUDGE_URL does not answer: ConnectError" in problem.detail
            assert "tried again" in problem.detail
            assert_problem(await client.post("/v1/score", json=QUESTION), 503, "not_ready")
            # A platform that restarts what does not start would restart it for ever.
            for path in ("/livez", "/startupz"):
                assert (await client.get(path)).status_code == httpx.codes.OK
            with answering(server):
                await until_ready(client)
                response = await client.post("/v1/score", json=QUESTION)
    assert ScoreAnswer.model_validate_json(response.content).backend.name == "judge"


async def test_probes_that_are_asked_for_find_the_judge_at_once(tmp_path: Path) -> None:
    with bound() as server:
        server.reply = looking
        async with client_of(app_of(server, tmp_path)) as client:
            problem = assert_problem(await client.post("/v1/probes"), 503, "dependency_unavailable")
            assert problem.retryable
            with answering(server):
                report = ProbeReport.model_validate_json((await client.post("/v1/probes")).content)
                assert report.passed
                assert await ready(client)


async def test_a_judge_that_stops_looking_takes_the_service_out_until_it_looks_again(
    server: Server, tmp_path: Path
) -> None:
    server.reply = looking
    async with client_of(app_of(server, tmp_path)) as client:
        server.reply = lambda _body: said("5", {"5": 1.0})
        blind = ProbeReport.model_validate_json((await client.post("/v1/probes")).content)
        assert not blind.passed
        problem = assert_problem(await client.get("/readyz"), 503, "not_ready")
        assert "Probe inert failed" in problem.detail
        assert (await client.get("/v1/info")).json()["scoring"]["probes"]["passed"] is False
        server.reply = looking
        await client.post("/v1/probes")
        assert await ready(client)


async def test_a_judge_that_is_busy_while_it_is_probed_does_not_take_the_service_out(
    server: Server, tmp_path: Path
) -> None:
    server.reply = looking
    async with client_of(app_of(server, tmp_path)) as client:
        server.reply = lambda _body: failed(503)
        assert_problem(await client.post("/v1/probes"), 503, "dependency_unavailable")
        assert await ready(client)


async def test_a_judge_that_refuses_the_key_is_not_asked_again(server: Server, tmp_path: Path) -> None:
    server.reply = lambda _body: failed(401)
    async with client_of(app_of(server, tmp_path)) as client:
        problem = assert_problem(await client.get("/readyz"), 503, "not_ready")
        assert "status 401" in problem.detail
        assert "tried again" not in problem.detail
        assert_problem(await client.get("/startupz"), 503, "not_ready")
