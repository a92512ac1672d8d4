"""What becomes of a step, for everything that its agent may answer."""

import httpx
import pytest
from starlette.responses import Response

from editrefiner.contracts import JobStatus, ProblemCode, StepKind
from orchestrator.execution import Outcome, run_step
from tests.orchestrator.altered_stores import GivesBackAtOnce
from tests.orchestrator.behaviours import first_claim, given, raising, retries


async def test_an_answer_is_committed_and_the_next_step_is_to_be_rung_for(world):
    claim = first_claim(world)
    end = await run_step(world.store, world.clients(), claim)
    assert end.outcome is Outcome.DONE
    assert end.doorbell is not None
    assert (end.doorbell.job_id, end.doorbell.seq, end.doorbell.kind) == (claim.job_id, 1, StepKind.PERCEIVE)
    (step,) = world.store.steps(claim.job_id)
    assert step.run_seconds == 0.25
    assert step.result["scores"]["perceptual_quality"] == 25.0


async def test_the_agent_hears_the_step_key_the_job_and_the_time_that_is_left(world):
    claim = world.store.claim(world.create(deadline_seconds=100).id, 0)
    await run_step(world.store, world.clients(), claim)
    (call,) = world.agents.calls
    assert call.key == claim.key
    assert call.job_id == claim.job_id
    assert 0 < call.deadline_ms <= 100_000


async def test_the_last_answer_ends_the_job_and_rings_for_nothing(world):
    job = await world.drive(world.create(brightness=210).id, steps=1)
    end = await run_step(world.store, world.clients(), world.store.claim(job.id, 1))
    assert end.outcome is Outcome.DONE
    assert end.doorbell is None
    assert world.store.get(job.id).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("status", "code"), [(503, "queue_full"), (503, "not_ready"), (429, "queue_full")], ids=str
)
async def test_a_busy_agent_gives_the_step_back_for_as_long_as_it_says_and_counts_no_attempt(
    world, problem, status, code
):
    world.agents.behave[StepKind.SCORE] = given(problem(status, code, Retry_After="7"))
    claim = first_claim(world)
    end = await run_step(world.store, world.clients(), claim)
    assert end.outcome is Outcome.BUSY
    assert end.ring_after_seconds == 7
    assert end.doorbell is not None
    assert world.store.claim(claim.job_id, 0) is None  # not due yet
    assert retries(world, claim.job_id) == 0


async def test_an_agent_that_cannot_be_reached_counts_no_attempt_however_often(world):
    store = GivesBackAtOnce(world.store)
    job = world.create()
    for _ in range(5):
        world.agents.behave[StepKind.SCORE] = raising(httpx.ConnectError("refused"), httpx.ConnectError("x"))
        end = await run_step(store, world.clients(), world.store.claim(job.id, 0))
        assert end.outcome is Outcome.BUSY
        assert end.ring_after_seconds > 0
    assert retries(world, job.id) == 0
    assert world.store.get(job.id).status is JobStatus.RUNNING


@pytest.mark.parametrize(
    "errors",
    [
        (httpx.ReadError("reset"), httpx.ReadError("reset")),
        (httpx.RemoteProtocolError("gone"), httpx.ConnectError("refused")),
    ],
    ids=["and the repeat as well", "and the repeat finds nobody"],
)
async def test_a_connection_that_breaks_during_the_call_is_a_crash_attempt(world, errors):
    world.agents.behave[StepKind.SCORE] = raising(*errors)
    claim = first_claim(world)
    end = await run_step(world.store, world.clients(), claim)
    assert end.outcome is Outcome.CRASHED
    assert retries(world, claim.job_id) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(500, "backend_failed"), (500, "artifact_corrupt"), (507, "out_of_memory")], ids=str
)
async def test_a_failing_agent_is_a_crash_attempt(world, problem, status, code):
    world.agents.behave[StepKind.SCORE] = given(problem(status, code))
    claim = first_claim(world)
    assert (await run_step(world.store, world.clients(), claim)).outcome is Outcome.CRASHED
    assert retries(world, claim.job_id) == 1


async def test_an_answer_that_cannot_be_read_is_a_crash_attempt(world):
    world.agents.behave[StepKind.SCORE] = given(Response('{"mood": "good"}', headers={"X-Run-Seconds": "1"}))
    claim = first_claim(world)
    assert (await run_step(world.store, world.clients(), claim)).outcome is Outcome.CRASHED
    assert world.store.steps(claim.job_id) == []


@pytest.mark.parametrize(
    ("status", "code"), [(422, "validation_failed"), (404, "artifact_not_found"), (413, "image_too_large")]
)
async def test_a_refused_request_fails_the_job_with_the_agents_own_reason(world, problem, status, code):
    world.agents.behave[StepKind.SCORE] = given(problem(status, code))
    claim = first_claim(world)
    assert (await run_step(world.store, world.clients(), claim)).outcome is Outcome.FAILED
    job = world.store.get(claim.job_id)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == code
    assert job.error.detail == f"said {code}"


async def test_an_answer_that_does_not_fit_the_question_fails_the_job(world, problem):
    async def no_scores() -> Response:
        answer = world.agents.rule.rank([])
        return Response(answer.model_dump_json(), headers={"X-Run-Seconds": "1"})

    world.agents.behave[StepKind.RANK] = no_scores
    job = await world.drive(world.create().id)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code is ProblemCode.BACKEND_FAILED


@pytest.mark.parametrize(("status", "code"), [(504, "deadline_exceeded"), (409, "canceled")], ids=str)
async def test_a_run_that_others_ended_is_given_back(world, problem, status, code):
    world.agents.behave[StepKind.SCORE] = given(problem(status, code))
    claim = first_claim(world)
    assert (await run_step(world.store, world.clients(), claim)).outcome is Outcome.BUSY
    assert retries(world, claim.job_id) == 0
