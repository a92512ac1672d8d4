"""Who is let in: the bounded queue, and the refusals at its door."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx

from tests.serving.contract import assert_problem
from tests.serving.scripted import ScriptedAgent, client_of, eventually, question, sample, scripted_app

UNREAD = {"content-type": "application/json"}


async def post(client: httpx.AsyncClient, instruction: str, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await client.post("/v1/score", json=question(instruction), headers=headers)


async def body_that_is_never_read(asked: list[bool]) -> AsyncGenerator[bytes]:
    asked.append(True)
    yield b"{}"


async def test_a_full_queue_refuses_before_it_reads(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    rejected = sample("refine_agent_rejected_total", reason="queue_full")
    async with client_of(scripted_app(tmp_path, agent, max_queue=1)) as client:
        accepted = [asyncio.create_task(post(client, f"hold {number}")) for number in range(2)]
        await eventually(lambda: sample("refine_agent_queue_depth") == 1)
        asked: list[bool] = []
        response = await client.post("/v1/score", content=body_that_is_never_read(asked), headers=UNREAD)
        problem = assert_problem(response, 503, "queue_full")
        assert problem.retryable
        assert int(response.headers["retry-after"]) >= 1
        assert asked == []
        assert (await client.get("/readyz")).json()["state"] == "busy"
        agent.finish.set()
        assert {response.status_code for response in await asyncio.gather(*accepted)} == {200}
        assert (await post(client, "answer")).status_code == 200
    assert sample("refine_agent_rejected_total", reason="queue_full") == rejected + 1


async def test_retry_after_grows_with_the_queue_and_the_duration_of_runs(tmp_path: Path) -> None:
    class Slow(ScriptedAgent):
        def warm_up(self) -> None:  # the only run measured so far
            self.finish.wait(1.2)

    agent = Slow()
    async with client_of(scripted_app(tmp_path, agent, max_queue=2)) as client:
        accepted = [asyncio.create_task(post(client, f"hold {number}")) for number in range(3)]
        await eventually(lambda: sample("refine_agent_queue_depth") == 2)
        response = await post(client, "one too many")
        assert int(response.headers["retry-after"]) >= 4  # 3 runs of at least 1.2 s
        agent.finish.set()
        await asyncio.gather(*accepted)


async def test_a_request_that_shares_a_run_needs_no_place(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent, max_queue=0)) as client:
        first = asyncio.create_task(post(client, "hold", key="step"))
        await eventually(lambda: agent.started)
        second = asyncio.create_task(post(client, "hold", key="step"))
        assert_problem(await post(client, "hold"), 503, "queue_full")
        agent.finish.set()
        assert [(await task).status_code for task in (first, second)] == [200, 200]
    assert agent.started == ["hold"]


async def test_a_stored_answer_needs_no_place(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent, max_queue=0)) as client:
        await post(client, "answer", key="step")
        holding = asyncio.create_task(post(client, "hold"))
        await eventually(lambda: agent.started == ["answer", "hold"])
        response = await post(client, "answer", key="step")
        assert response.headers["idempotent-replayed"] == "true"
        agent.finish.set()
        await holding


async def test_runs_are_done_in_the_order_of_their_acceptance(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        waiting: list[asyncio.Task[httpx.Response]] = []
        for number in range(4):
            waiting.append(asyncio.create_task(post(client, f"hold {number}")))
            await eventually(lambda: sample("refine_agent_inflight") == 1)
            await eventually(lambda number=number: sample("refine_agent_queue_depth") == number)
        agent.finish.set()
        await asyncio.gather(*waiting)
    assert agent.started == [f"hold {number}" for number in range(4)]


async def test_a_service_that_is_not_ready_reads_nothing(tmp_path: Path) -> None:
    def load() -> ScriptedAgent:
        raise FileNotFoundError("weights.safetensors is missing")

    async with client_of(scripted_app(tmp_path, load=load)) as client:
        asked: list[bool] = []
        response = await client.post("/v1/score", content=body_that_is_never_read(asked), headers=UNREAD)
        assert_problem(response, 503, "not_ready")
        assert int(response.headers["retry-after"]) >= 1
        assert asked == []
