"""How a run ends early: by its deadline, by request, or because nobody waits."""

import asyncio
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.serving.contract import assert_problem
from tests.serving.scripted import ScriptedAgent, client_of, eventually, question, sample, scripted_app


async def post(client: httpx.AsyncClient, instruction: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/v1/score", json=question(instruction), headers=named)


async def test_a_run_ends_at_its_deadline(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        response = await post(client, "hold", X_Deadline_Ms="150")
        assert_problem(response, 504, "deadline_exceeded")
        await eventually(lambda: agent.stopped == ["hold"])
        assert (await post(client, "answer")).status_code == 200


async def test_a_deadline_passes_in_the_queue_too(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        holding = asyncio.create_task(post(client, "hold"))
        await eventually(lambda: agent.started)
        assert_problem(await post(client, "answer", X_Deadline_Ms="100"), 504, "deadline_exceeded")
        assert sample("refine_agent_queue_depth") == 0
        agent.finish.set()
        await holding
    assert agent.started == ["hold"]


async def test_the_agent_knows_the_time_that_is_left(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        await post(client, "with deadline", X_Deadline_Ms="60000")
        await post(client, "without")
    assert agent.seconds_left[0] is not None
    assert 0 < agent.seconds_left[0] <= 60
    assert agent.seconds_left[1] is None


async def test_a_run_lasts_as_long_as_the_most_patient_waits(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        patient = asyncio.create_task(post(client, "hold"))
        await eventually(lambda: agent.started)
        assert_problem(await post(client, "hold", X_Deadline_Ms="100"), 504, "deadline_exceeded")
        agent.finish.set()
        assert (await patient).status_code == 200
    assert agent.stopped == []


@pytest.mark.parametrize("deadline", ["0", "-1", "1.5", "soon", "", "9" * 40])
async def test_a_malformed_deadline_is_refused(tmp_path: Path, deadline: str) -> None:
    async with client_of(scripted_app(tmp_path)) as client:
        problem = assert_problem(
            await post(client, "answer", X_Deadline_Ms=deadline), 422, "validation_failed"
        )
    assert problem.errors[0].field == "header.X-Deadline-Ms"


async def test_a_running_run_is_canceled_by_its_key(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    canceled = sample("refine_agent_cancelled_total", reason="requested")
    async with client_of(scripted_app(tmp_path, agent)) as client:
        waiting = asyncio.create_task(post(client, "hold", Idempotency_Key="step"))
        await eventually(lambda: agent.started)
        assert (await client.get("/v1/runs/step")).json() == {"key": "step", "state": "running"}
        assert (await client.delete("/v1/runs/step")).status_code == 202
        assert_problem(await waiting, 409, "canceled")
        await eventually(lambda: agent.stopped == ["hold"])
        await eventually(lambda: sample("refine_agent_inflight") == 0)
        assert (await client.get("/v1/runs/step")).json()["state"] == "unknown"
    assert sample("refine_agent_cancelled_total", reason="requested") == canceled + 1


async def test_a_queued_run_is_canceled_without_having_started(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        holding = asyncio.create_task(post(client, "hold"))
        await eventually(lambda: agent.started)
        queued = asyncio.create_task(post(client, "answer", Idempotency_Key="step"))
        await eventually(lambda: sample("refine_agent_queue_depth") == 1)
        assert (await client.get("/v1/runs/step")).json()["state"] == "queued"
        assert (await client.delete("/v1/runs/step")).status_code == 202
        assert_problem(await queued, 409, "canceled")
        agent.finish.set()
        await holding
    assert agent.started == ["hold"]


async def test_a_finished_run_and_an_unknown_one_cannot_be_canceled(tmp_path: Path) -> None:
    async with client_of(scripted_app(tmp_path)) as client:
        await post(client, "answer", Idempotency_Key="step")
        assert_problem(await client.delete("/v1/runs/step"), 409, "already_finished")
        assert_problem(await client.delete("/v1/runs/other"), 404, "not_found")
        assert (await client.get("/v1/runs/other")).json()["state"] == "unknown"


async def test_a_request_after_a_cancel_gets_a_run_of_its_own(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        first = asyncio.create_task(post(client, "deafen", Idempotency_Key="step"))
        await eventually(lambda: agent.started)
        await client.delete("/v1/runs/step")
        assert_problem(await first, 409, "canceled")
        second = asyncio.create_task(post(client, "deafen", Idempotency_Key="step"))
        await eventually(lambda: sample("refine_agent_queue_depth") == 1)
        agent.finish.set()
        assert (await second).status_code == 200


async def test_a_run_nobody_waits_for_is_canceled_and_the_next_is_served(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    abandoned = sample("refine_agent_cancelled_total", reason="abandoned")
    async with client_of(scripted_app(tmp_path, agent)) as client:
        waiting = asyncio.create_task(post(client, "hold"))
        await eventually(lambda: agent.started)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        await eventually(lambda: agent.stopped == ["hold"])
        assert (await post(client, "answer")).status_code == 200
    assert sample("refine_agent_cancelled_total", reason="abandoned") == abandoned + 1


async def test_a_run_goes_on_while_anybody_waits(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    joined = sample("refine_agent_cache_hits_total", kind="joined")
    async with client_of(scripted_app(tmp_path, agent)) as client:
        first, second = [asyncio.create_task(post(client, "hold")) for _ in range(2)]
        await eventually(lambda: sample("refine_agent_cache_hits_total", kind="joined") == joined + 1)
        await eventually(lambda: agent.started)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        agent.finish.set()
        assert (await second).status_code == 200
    assert agent.started == ["hold"]
    assert agent.stopped == []
