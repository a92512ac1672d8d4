"""Equal requests share a run, and its result is kept."""

import asyncio
from pathlib import Path

import httpx

from tests.serving.contract import assert_problem
from tests.serving.scripted import (
    ScriptedAgent,
    client_of,
    eventually,
    picture,
    question,
    sample,
    scripted_app,
    store_at,
)


async def post(client: httpx.AsyncClient, instruction: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/v1/score", json=question(instruction), headers=named)


def damage_stored_runs(directory: Path) -> None:
    (record,) = directory.rglob("run.evaluation.*")
    record.write_bytes(b"{")


async def test_a_hundred_equal_requests_wait_for_one_run(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    joined = sample("refine_agent_cache_hits_total", kind="joined")
    async with client_of(scripted_app(tmp_path, agent)) as client:
        waiting = [asyncio.create_task(post(client, "hold")) for _ in range(100)]
        await eventually(lambda: sample("refine_agent_cache_hits_total", kind="joined") == joined + 99)
        agent.finish.set()
        responses = await asyncio.gather(*waiting)
    assert agent.started == ["hold"]
    assert {response.status_code for response in responses} == {200}


async def test_equal_requests_under_different_keys_share_a_run_too(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        await post(client, "once", Idempotency_Key="a")
        second = await post(client, "once", Idempotency_Key="b")
        assert second.headers["idempotent-replayed"] == "true"
        assert (await client.get("/v1/runs/b")).json()["state"] == "done"
    assert agent.started == ["once"]


async def test_a_picture_is_the_same_by_uri_reference_and_id(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    ref = store_at(tmp_path).resolve(picture(0), name="source")
    async with client_of(scripted_app(tmp_path, agent)) as client:
        for source in (picture(0), ref.model_dump(), ref.artifact_id):
            response = await client.post("/v1/score", json=question("once", source=source))
            assert response.status_code == 200
    assert agent.started == ["once"]


async def test_another_backend_computes_again(tmp_path: Path) -> None:
    async with client_of(scripted_app(tmp_path)) as client:
        await post(client, "answer", Idempotency_Key="step")
    successor = ScriptedAgent(digest="0c" * 32)
    async with client_of(scripted_app(tmp_path, successor)) as client:
        response = await post(client, "answer", Idempotency_Key="step")
    assert response.json()["backend"]["digest"] == successor.digest
    assert successor.started == ["answer"]


async def test_a_key_in_use_for_another_request_is_refused_while_that_runs(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        first = asyncio.create_task(post(client, "hold", Idempotency_Key="step"))
        await eventually(lambda: agent.started)
        assert_problem(await post(client, "answer", Idempotency_Key="step"), 409, "idempotency_mismatch")
        agent.finish.set()
        assert (await first).status_code == 200


async def test_a_key_is_bound_to_its_request_after_a_restart(tmp_path: Path) -> None:
    async with client_of(scripted_app(tmp_path)) as client:
        await post(client, "answer", Idempotency_Key="step")
    async with client_of(scripted_app(tmp_path)) as client:
        assert_problem(await post(client, "other", Idempotency_Key="step"), 409, "idempotency_mismatch")


async def test_a_failed_run_is_tried_again(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        for _ in range(2):
            assert_problem(await post(client, "break", Idempotency_Key="step"), 500, "backend_failed")
        assert (await client.get("/v1/runs/step")).json()["state"] == "unknown"
    assert agent.started == ["break", "break"]


async def test_a_malformed_key_is_refused(tmp_path: Path) -> None:
    async with client_of(scripted_app(tmp_path)) as client:
        for key in ("", '""', "a b", "a/b", "k" * 129):
            problem = assert_problem(
                await post(client, "answer", Idempotency_Key=key), 422, "validation_failed"
            )
            assert problem.errors[0].field == "header.Idempotency-Key"


async def test_a_stored_answer_that_cannot_be_read_is_computed_again(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        await post(client, "answer", Idempotency_Key="step")
        assert (await client.get("/v1/runs/step")).json()["state"] == "done"
    damage_stored_runs(tmp_path)
    async with client_of(scripted_app(tmp_path, agent)) as client:
        response = await post(client, "answer", Idempotency_Key="step")
        assert response.status_code == 200
        assert "idempotent-replayed" not in response.headers
    assert agent.started == ["answer", "answer"]
