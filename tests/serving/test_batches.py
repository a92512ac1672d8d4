"""Runs may share the lane as a batch; each member keeps its own fate."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from editrefiner.contracts import ScoreAnswer, ScoreRequest
from editrefiner.serving import (
    Batching,
    CanceledError,
    DeadlineExceededError,
    Run,
    ServiceSettings,
    create_service,
    shared_checkpoint,
)
from tests.serving.contract import assert_problem
from tests.serving.scripted import (
    VERBS,
    ScriptedAgent,
    client_of,
    eventually,
    question,
    sample,
    scores,
    store_at,
)

LONG = 30.0  # seconds of waiting for company that no test would sit through


@dataclass
class BatchingAgent(ScriptedAgent):
    """Answers a batch by the length of each instruction; one member that breaks or refuses ends it."""

    batches: list[list[str]] = field(default_factory=list)
    answers_given: int | None = None
    """How many answers a batch gives; None = one for each."""

    def score_together(self, asked: Sequence[tuple[ScoreRequest, Run]]) -> list[ScoreAnswer]:
        instructions = [request.instruction for request, _ in asked]
        self.batches.append(instructions)
        checkpoint = shared_checkpoint([run for _, run in asked])
        while any("hold" in words for words in instructions) and not self.finish.wait(0.005):
            checkpoint()
        if any("break" in words for words in instructions):
            raise ZeroDivisionError
        if any("exhaust" in words for words in instructions):
            raise MemoryError
        answers = [
            ScoreAnswer(scores=scores(float(len(words))), backend=self.backend) for words in instructions
        ]
        return answers[: self.answers_given]


def score_together(agent: BatchingAgent, asked: Sequence[tuple[ScoreRequest, Run]]) -> list[ScoreAnswer]:
    return agent.score_together(asked)


@asynccontextmanager
async def service(
    directory: Path,
    agent: BatchingAgent,
    *,
    max_batch: int = 4,
    wait_seconds: float = 0.0,
    max_queue: int = 8,
) -> AsyncGenerator[httpx.AsyncClient]:
    app = create_service(
        name="evaluation",
        settings=ServiceSettings(max_queue=max_queue),
        store=store_at(directory),
        verbs=(dataclasses.replace(VERBS[0], run_together=score_together), VERBS[1]),
        load=lambda: agent,
        batching=Batching(max_batch, wait_seconds),
    )
    async with client_of(app) as client:
        yield client


async def post(client: httpx.AsyncClient, instruction: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/v1/score", json=question(instruction), headers=named)


def overall(response: httpx.Response) -> float:
    assert response.status_code == 200, response.text
    return ScoreAnswer.model_validate_json(response.content).scores.perceptual_quality


@asynccontextmanager
async def behind_a_run(
    client: httpx.AsyncClient, agent: BatchingAgent, *instructions: str
) -> AsyncGenerator[list[asyncio.Task[httpx.Response]]]:
    """The requests wait in the queue, in order, behind a run that ends when the block does."""
    first = asyncio.create_task(post(client, "hold the lane"))
    await eventually(lambda: agent.started == ["hold the lane"])
    waiting: list[asyncio.Task[httpx.Response]] = []
    for number, instruction in enumerate(instructions, start=1):
        waiting.append(asyncio.create_task(post(client, instruction, Idempotency_Key=f"step-{number}")))
        await eventually(lambda expected=number: sample("refine_agent_queue_depth") == expected)
    yield waiting
    agent.finish.set()
    assert overall(await first) == 50


async def test_those_who_waited_are_computed_together_and_each_gets_its_own_answer(tmp_path: Path) -> None:
    agent = BatchingAgent()
    async with service(tmp_path, agent) as client:
        async with behind_a_run(client, agent, "a", "bb", "ccc") as waiting:
            pass
        assert [overall(response) for response in await asyncio.gather(*waiting)] == [1, 2, 3]
        again = await post(client, "bb")
    assert agent.batches == [["a", "bb", "ccc"]]
    assert again.headers["idempotent-replayed"] == "true"
    assert overall(again) == 2


async def test_a_batch_is_no_larger_than_allowed_and_keeps_the_order(tmp_path: Path) -> None:
    agent = BatchingAgent()
    async with service(tmp_path, agent, max_batch=2) as client:
        async with behind_a_run(client, agent, "a", "bb", "ccc", "dddd", "eeeee") as waiting:
            pass
        await asyncio.gather(*waiting)
    assert agent.batches == [["a", "bb"], ["ccc", "dddd"]]
    assert agent.started == ["hold the lane", "eeeee"]


async def test_the_first_waits_for_company_and_no_longer_than_until_the_batch_is_full(tmp_path: Path) -> None:
    agent = BatchingAgent()
    async with service(tmp_path, agent, max_batch=2, wait_seconds=LONG) as client:
        responses = await asyncio.gather(post(client, "a"), post(client, "bb"))
    assert sorted(overall(response) for response in responses) == [1, 2]
    assert [sorted(batch) for batch in agent.batches] == [["a", "bb"]]


async def test_who_stays_alone_is_run_alone(tmp_path: Path) -> None:
    agent = BatchingAgent()
    async with service(tmp_path, agent, wait_seconds=0.01) as client:
        assert overall(await post(client, "answer")) == 50
    assert (agent.batches, agent.started) == ([], ["answer"])


async def test_who_leaves_while_waiting_for_company_is_not_waited_for(tmp_path: Path) -> None:
    agent = BatchingAgent()
    async with service(tmp_path, agent, max_batch=2, wait_seconds=LONG) as client:
        alone = asyncio.create_task(post(client, "a", Idempotency_Key="step"))
        await eventually(lambda: sample("refine_agent_queue_depth") == 1)
        assert (await client.delete("/v1/runs/step")).status_code == 202
        assert_problem(await alone, 409, "canceled")
        responses = await asyncio.gather(post(client, "bb"), post(client, "ccc"))
    assert sorted(overall(response) for response in responses) == [2, 3]
    assert [sorted(batch) for batch in agent.batches] == [["bb", "ccc"]]


async def test_another_verb_is_not_in_the_batch(tmp_path: Path) -> None:
    agent = BatchingAgent()
    ranked = {"source": question()["source"], "candidates": [question()["edited"]], "instruction": "rank"}
    async with service(tmp_path, agent) as client:
        async with behind_a_run(client, agent, "a", "bb") as waiting:
            ranking = asyncio.create_task(client.post("/v1/rank", json=ranked))
            await eventually(lambda: sample("refine_agent_queue_depth") == 3)
        await asyncio.gather(*waiting)
        assert (await ranking).status_code == 200
    assert agent.batches == [["a", "bb"]]


async def test_a_member_that_is_canceled_leaves_the_others_running(tmp_path: Path) -> None:
    agent = BatchingAgent()
    async with service(tmp_path, agent, max_batch=2, wait_seconds=LONG) as client:
        asked = [("hold a", "step-a"), ("hold bb", "step-b")]
        first, second = [
            asyncio.create_task(post(client, words, Idempotency_Key=key)) for words, key in asked
        ]
        await eventually(lambda: agent.batches)
        states = [(await client.get(f"/v1/runs/{key}")).json()["state"] for _, key in asked]
        assert (await client.delete("/v1/runs/step-a")).status_code == 202
        assert_problem(await first, 409, "canceled")
        agent.finish.set()
        assert overall(await second) == len("hold bb")
    assert states == ["running", "running"]
    assert len(agent.batches) == 1


async def test_a_batch_that_nobody_waits_for_any_more_stops(tmp_path: Path) -> None:
    agent = BatchingAgent()
    async with service(tmp_path, agent, max_batch=2, wait_seconds=LONG) as client:
        responses = await asyncio.gather(
            *(post(client, f"hold {number}", X_Deadline_Ms="300") for number in range(2))
        )
        for response in responses:
            assert_problem(response, 504, "deadline_exceeded")
        await eventually(lambda: sample("refine_agent_inflight") == 0)
    assert len(agent.batches) == 1
    assert agent.started == []


@pytest.mark.parametrize(
    ("culprit", "status", "code"),
    [
        ("break", 500, "backend_failed"),
        ("refuse", 422, "images_mismatched"),
        ("exhaust", 507, "out_of_memory"),
    ],
)
async def test_the_failure_of_a_member_is_its_own(
    tmp_path: Path, culprit: str, status: int, code: str
) -> None:
    class Refusing(BatchingAgent):
        def score_together(self, asked: Sequence[tuple[ScoreRequest, Run]]) -> list[ScoreAnswer]:
            for request, run in asked:
                if request.instruction == "refuse":
                    self.score(request, run)
            return super().score_together(asked)

    agent = Refusing()
    async with service(tmp_path, agent) as client:
        async with behind_a_run(client, agent, "a", culprit, "ccc") as waiting:
            pass
        before, failed, after = await asyncio.gather(*waiting)
    assert overall(before) == overall(after) == 50  # as they are answered alone
    assert_problem(failed, status, code)


async def test_a_batch_with_an_answer_missing_is_run_one_by_one(tmp_path: Path) -> None:
    agent = BatchingAgent(answers_given=1)
    async with service(tmp_path, agent) as client:
        async with behind_a_run(client, agent, "a", "bb") as waiting:
            pass
        assert [overall(response) for response in await asyncio.gather(*waiting)] == [50, 50]


async def test_the_time_of_a_batch_is_shared_by_its_members(tmp_path: Path) -> None:
    agent = BatchingAgent()
    async with service(tmp_path, agent) as client:
        async with behind_a_run(client, agent, "a", "bb") as waiting:
            pass
        times = [float(response.headers["x-run-seconds"]) for response in await asyncio.gather(*waiting)]
    assert times[0] == times[1] >= 0


async def test_equal_requests_are_one_member(tmp_path: Path) -> None:
    agent = BatchingAgent()
    joined = sample("refine_agent_cache_hits_total", kind="joined")
    async with service(tmp_path, agent) as client:
        async with behind_a_run(client, agent, "a", "bb") as waiting:
            again = asyncio.create_task(post(client, "bb"))
            await eventually(lambda: sample("refine_agent_cache_hits_total", kind="joined") == joined + 1)
        assert overall(await again) == 2
        await asyncio.gather(*waiting)
    assert agent.batches == [["a", "bb"]]


async def test_the_queue_is_behind_the_batch(tmp_path: Path) -> None:
    agent = BatchingAgent()
    async with service(tmp_path, agent, max_batch=2, wait_seconds=LONG, max_queue=1) as client:
        accepted = [asyncio.create_task(post(client, f"hold {number}")) for number in range(2)]
        await eventually(lambda: agent.batches)
        accepted.append(asyncio.create_task(post(client, "hold the queue")))
        await eventually(lambda: sample("refine_agent_queue_depth") == 1)
        assert sample("refine_agent_inflight") == 2
        assert_problem(await post(client, "one too many"), 503, "queue_full")
        agent.finish.set()
        assert {response.status_code for response in await asyncio.gather(*accepted)} == {200}


def test_a_shared_checkpoint_raises_once_nobody_wants_any_of_the_runs() -> None:
    now = 0.0
    canceled, late, patient = Run(), Run(deadline=5.0, clock=lambda: now), Run()
    checkpoint = shared_checkpoint([canceled, late, patient])
    canceled.stop(CanceledError("enough"))
    checkpoint()
    patient.stop(CanceledError("enough"))
    checkpoint()
    now = 6.0
    with pytest.raises((CanceledError, DeadlineExceededError)):
        checkpoint()
