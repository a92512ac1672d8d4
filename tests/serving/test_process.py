"""A service as a real process behind a real socket: hang-ups, signals, and its end."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from tests.serving.contract import assert_problem
from tests.serving.running import service
from tests.serving.scripted import question

pytestmark = pytest.mark.process


async def test_a_hang_up_stops_the_run_and_frees_the_lane(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        body = json.dumps(question("hold")).encode()
        head = (
            "POST /v1/score HTTP/1.1\r\nHost: service\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            await running.until_started("hold")
        finally:
            writer.close()
            await writer.wait_closed()
        assert (await running.score("answer")).status_code == 200
        assert await running.metric('refine_agent_inflight{service="evaluation"}') == 0
        assert await running.metric('refine_agent_cancelled_total{reason="abandoned"') == 1


async def test_a_client_that_stops_waiting_hangs_up(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        waiting = asyncio.create_task(running.score("hold"))
        await running.until_started("hold")
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        assert (await running.score("answer")).status_code == 200


async def test_sigterm_finishes_what_was_accepted_and_ends_with_0(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        accepted = [asyncio.create_task(running.score("hold 0"))]
        await running.until_started("hold 0")
        accepted.append(asyncio.create_task(running.score("hold 1")))
        while await running.metric("refine_agent_queue_depth") < 1:  # noqa: ASYNC110 — in another process
            await asyncio.sleep(0.02)
        running.terminate()
        while await running.probe("/readyz") == 200:  # noqa: ASYNC110 — in another process
            await asyncio.sleep(0.02)
        refused = await running.score("answer")
        assert_problem(refused, 503, "not_ready")
        assert int(refused.headers["retry-after"]) >= 1
        assert await running.probe("/livez") == 200
        running.finish_runs()
        assert [(await task).status_code for task in accepted] == [200, 200]
        assert await running.exit_status() == 0


async def test_a_run_that_outlasts_the_drain_is_handed_back(tmp_path: Path) -> None:
    async with service(tmp_path, drain_seconds=0.3) as running:
        waiting = asyncio.create_task(running.score("hold"))
        await running.until_started("hold")
        running.terminate()
        assert_problem(await waiting, 503, "not_ready")
        assert await running.exit_status() == 0


async def test_a_run_without_checkpoints_does_not_hold_the_process(tmp_path: Path) -> None:
    async with service(tmp_path, drain_seconds=0.3) as running:
        waiting = asyncio.create_task(running.score("deafen"))
        await running.until_started("deafen")
        running.terminate()
        assert_problem(await waiting, 503, "not_ready")
        assert await running.exit_status() == 0


async def test_an_idle_service_ends_at_once(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        running.terminate()
        assert await running.exit_status() == 0


async def test_a_result_survives_a_kill(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        first = await running.score("answer", **{"Idempotency-Key": "step"})
        running.process.kill()
        await running.exit_status()
    async with service(tmp_path) as running:
        second = await running.score("answer", **{"Idempotency-Key": "step"})
        assert second.headers["idempotent-replayed"] == "true"
        assert second.content == first.content
        assert running.started() == ["answer"]


async def test_a_refused_body_leaves_the_connection_usable(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        huge = b"x" * 200_000_000
        response = await running.client.post("/v1/score", content=huge)
        assert_problem(response, 413, "body_too_large")
        assert (await running.score("answer")).status_code == 200
