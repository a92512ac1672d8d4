"""What a service is from start to drain."""

import asyncio
import threading
from pathlib import Path

from tests.serving.contract import assert_problem
from tests.serving.scripted import ScriptedAgent, client_of, eventually, question, sample, scripted_app


async def test_a_service_is_red_but_alive_while_it_loads(tmp_path: Path) -> None:
    may_load = threading.Event()

    def load() -> ScriptedAgent:
        may_load.wait(20)
        return ScriptedAgent()

    app = scripted_app(tmp_path, load=load)
    async with client_of(app, until_started=False) as client:
        assert (await client.get("/livez")).json()["state"] == "starting"
        for path in ("/startupz", "/readyz", "/v1/info"):
            problem = assert_problem(await client.get(path), 503, "not_ready")
            assert "starting" in problem.detail
        assert_problem(await client.post("/v1/score", json=question()), 503, "not_ready")
        may_load.set()
        await app.state.lifecycle.wait_started()
        for path in ("/livez", "/startupz", "/readyz", "/v1/info"):
            assert (await client.get(path)).status_code == 200


async def test_an_agent_that_loads_past_the_end_of_its_service_is_unloaded(tmp_path: Path) -> None:
    agent, is_loading, may_load = ScriptedAgent(), threading.Event(), threading.Event()
    unloaded: list[ScriptedAgent] = []

    def load() -> ScriptedAgent:
        is_loading.set()
        may_load.wait(20)
        return agent

    app = scripted_app(tmp_path, load=load, unload=unloaded.append)
    async with client_of(app, until_started=False):
        await eventually(is_loading.is_set)
    assert unloaded == []
    may_load.set()
    await eventually(lambda: unloaded == [agent])


async def test_a_service_is_ready_after_one_real_run(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with client_of(scripted_app(tmp_path, agent)) as client:
        assert (await client.get("/readyz")).status_code == 200
    assert agent.warm_ups == 1


async def test_a_failed_load_is_a_state_with_its_reason(tmp_path: Path) -> None:
    agent = ScriptedAgent(warm_up_failure=ValueError("weights do not fit"))
    async with client_of(scripted_app(tmp_path, agent)) as client:
        problem = assert_problem(await client.get("/readyz"), 503, "not_ready")
        assert "failed" in problem.detail
        assert "weights do not fit" in problem.detail
        assert_problem(await client.get("/startupz"), 503, "not_ready")
        assert_problem(await client.get("/v1/info"), 503, "not_ready")
        assert (await client.get("/livez")).json()["state"] == "failed"


async def test_a_draining_service_finishes_what_it_has_and_takes_nothing_new(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    app = scripted_app(tmp_path, agent)
    async with client_of(app) as client:
        accepted = [
            asyncio.create_task(client.post("/v1/score", json=question(f"hold {number}")))
            for number in range(2)
        ]
        await eventually(lambda: sample("refine_agent_queue_depth") == 1)
        app.state.lifecycle.drain()
        assert "draining" in assert_problem(await client.get("/readyz"), 503, "not_ready").detail
        refused = await client.post("/v1/score", json=question("answer"))
        assert_problem(refused, 503, "not_ready")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await client.get("/livez")).status_code == 200
        assert not app.state.lifecycle.is_idle
        agent.finish.set()
        assert [(await task).status_code for task in accepted] == [200, 200]
        assert app.state.lifecycle.is_idle


async def test_what_cannot_be_finished_in_time_is_handed_back(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    app = scripted_app(tmp_path, agent)
    async with client_of(app) as client:
        waiting = asyncio.create_task(client.post("/v1/score", json=question("hold")))
        await eventually(lambda: agent.started)
        app.state.lifecycle.drain()
        app.state.lifecycle.give_up()
        problem = assert_problem(await waiting, 503, "not_ready")
        assert problem.retryable
    assert agent.stopped == ["hold"]


async def test_memory_that_runs_out_twice_in_a_row_turns_the_probes_red(tmp_path: Path) -> None:
    async with client_of(scripted_app(tmp_path)) as client:
        assert_problem(await client.post("/v1/score", json=question("exhaust 1")), 507, "out_of_memory")
        assert (await client.get("/readyz")).status_code == 200
        assert_problem(await client.post("/v1/score", json=question("exhaust 2")), 507, "out_of_memory")
        for path in ("/readyz", "/livez"):
            assert_problem(await client.get(path), 503, "not_ready")
        assert (await client.post("/v1/score", json=question("answer"))).status_code == 200
        assert (await client.get("/readyz")).status_code == 200
