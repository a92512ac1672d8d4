"""The typed client and the service understand each other."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from editrefiner.client import (
    DeadlineError,
    EvaluationClient,
    RequestRejectedError,
    RunCanceledError,
    ServiceFailedError,
    ServiceUnavailableError,
)
from editrefiner.contracts import RunState, ScoreRequest
from editrefiner.telemetry import context
from tests.serving.scripted import ScriptedAgent, client_of, eventually, picture, scripted_app


def request(instruction: str) -> ScoreRequest:
    return ScoreRequest(source=picture(0), edited=picture(1), instruction=instruction)


@asynccontextmanager
async def evaluation(directory: Path, agent: ScriptedAgent) -> AsyncGenerator[EvaluationClient]:
    async with client_of(scripted_app(directory, agent, max_queue=0)) as http:
        yield EvaluationClient(http, "http://service")


async def test_answers_and_their_repeats_are_told_apart(tmp_path: Path) -> None:
    async with evaluation(tmp_path, ScriptedAgent()) as client:
        first = await client.score(request("answer"), key="step")
        second = await client.score(request("answer"), key="step")
        assert (await client.info()).backend == first.value.backend
        assert (await client.run_status("step")).state is RunState.DONE
    assert first.value == second.value
    assert (first.replayed, second.replayed) == (False, True)
    assert first.run_seconds == second.run_seconds


async def test_ids_go_from_the_caller_to_the_agent(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    with context.bind(request="r-1", job="j-1", trace=context.new_traceparent()):
        trace = context.trace_id()
        async with evaluation(tmp_path, agent) as client:
            await client.score(request("answer"))
    ((request_id, job_id, traceparent),) = agent.ids
    assert (request_id, job_id) == ("r-1", "j-1")
    assert traceparent is not None
    assert traceparent.split("-")[1] == trace


async def test_a_busy_service_is_one_and_recovers(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with evaluation(tmp_path, agent) as client:
        holding = asyncio.create_task(client.score(request("hold")))
        await eventually(lambda: agent.started)
        with pytest.raises(ServiceUnavailableError) as caught:
            await client.score(request("answer"))
        assert caught.value.busy
        assert caught.value.retry_after_seconds is not None
        agent.finish.set()
        await holding
        assert not (await client.score(request("answer"))).replayed


async def test_a_caller_that_gives_up_stops_the_run(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with evaluation(tmp_path, agent) as client:
        waiting = asyncio.create_task(client.score(request("hold"), key="step"))
        await eventually(lambda: agent.started)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await eventually(lambda: agent.stopped)


async def test_failures_arrive_as_their_class(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with evaluation(tmp_path, agent) as client:
        with pytest.raises(RequestRejectedError):
            await client.score(request("refuse"))
        with pytest.raises(ServiceFailedError):
            await client.score(request("break"))
        with pytest.raises(DeadlineError):
            await client.score(request("hold until the deadline"), deadline_seconds=0.2)
        await eventually(lambda: len(agent.stopped) == 1)
        waiting = asyncio.create_task(client.score(request("hold"), key="step"))
        await eventually(lambda: agent.started[-1] == "hold")
        await client.cancel_run("step")
        with pytest.raises(RunCanceledError):
            await waiting
