"""What becomes of a step whose lease, job, worker or database goes while its agent is asked."""

import asyncio

import pytest

from editrefiner.contracts import JobStatus, StepKind
from orchestrator.execution import Outcome, run_step
from orchestrator.jobs import LeaseState
from tests.orchestrator.altered_stores import (
    CommitsFail,
    CountsHeartbeats,
    HeartbeatsFail,
    HeartbeatsSay,
)
from tests.orchestrator.behaviours import first_claim, for_ever, held_until, retries


async def test_a_lost_lease_closes_the_call_and_writes_nothing(world):
    world.agents.behave[StepKind.SCORE] = for_ever
    claim = first_claim(world)
    store = HeartbeatsSay(world.store, LeaseState.LOST)
    end = await run_step(store, world.clients(), claim, heartbeat_seconds=0.01)
    assert end.outcome is Outcome.LOST
    assert end.doorbell is None
    assert world.agents.aborted == [StepKind.SCORE]
    assert world.store.get(claim.job_id).status is JobStatus.RUNNING


async def test_an_answer_that_comes_after_the_lease_moved_on_is_discarded(world):
    claim = first_claim(world)
    world.store.release(claim, busy_for_seconds=0)
    successor = world.store.claim(claim.job_id, 0)
    assert successor is not None
    assert (await run_step(world.store, world.clients(), claim)).outcome is Outcome.LOST
    assert world.store.steps(claim.job_id) == []
    assert (await run_step(world.store, world.clients(), successor)).outcome is Outcome.DONE


async def test_a_cancel_seen_by_a_heartbeat_closes_the_call_and_ends_the_job(world):
    world.agents.behave[StepKind.SCORE] = for_ever
    claim = first_claim(world)
    running = asyncio.create_task(run_step(world.store, world.clients(), claim, heartbeat_seconds=0.01))
    assert world.store.request_cancel(claim.job_id).status is JobStatus.CANCELING
    assert (await running).outcome is Outcome.CANCELED
    assert world.agents.aborted == [StepKind.SCORE]
    assert world.store.get(claim.job_id).status is JobStatus.CANCELED


@pytest.mark.parametrize("kind", list(StepKind))
async def test_a_job_can_be_canceled_in_every_phase(world, kind):
    job = world.create()
    canceled = asyncio.Event()

    async def cancel() -> None:
        world.store.request_cancel(job.id)
        canceled.set()
        await for_ever()

    world.agents.behave[kind] = cancel
    while not canceled.is_set():
        claim = world.store.claim(job.id, len(world.store.steps(job.id)))
        await run_step(world.store, world.clients(), claim, heartbeat_seconds=0.01)
    ended = world.store.get(job.id)
    assert ended.status is JobStatus.CANCELED
    assert (ended.result is None) == (kind is StepKind.SCORE)  # what was reached is kept


async def test_heartbeats_hold_a_step_that_takes_longer_than_its_lease(world, eventually):
    let_go = asyncio.Event()
    world.agents.behave[StepKind.SCORE] = held_until(let_go)
    claim = first_claim(world)
    store = CountsHeartbeats(world.store)
    running = asyncio.create_task(run_step(store, world.clients(), claim, heartbeat_seconds=0.01))
    await eventually(lambda: store.count >= 5)
    let_go.set()
    assert (await running).outcome is Outcome.DONE


async def test_a_worker_that_shuts_down_closes_the_call_and_gives_the_step_back_at_once(world, eventually):
    world.agents.behave[StepKind.SCORE] = for_ever
    claim = first_claim(world)
    running = asyncio.create_task(run_step(world.store, world.clients(), claim))
    await eventually(lambda: len(world.agents.calls) == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert world.agents.aborted == [StepKind.SCORE]
    assert world.store.claim(claim.job_id, 0) is not None
    assert retries(world, claim.job_id) == 0


async def test_a_commit_is_repeated_while_the_database_is_away(world):
    claim = first_claim(world)
    store = CommitsFail(world.store, times=2)
    end = await run_step(store, world.clients(), claim)
    assert end.outcome is Outcome.DONE
    assert len(world.agents.calls) == 1
    assert len(world.store.steps(claim.job_id)) == 1


async def test_a_missed_heartbeat_does_not_stop_the_agent(world, eventually):
    let_go = asyncio.Event()
    world.agents.behave[StepKind.SCORE] = held_until(let_go)
    claim = first_claim(world)
    store = HeartbeatsFail(world.store)
    running = asyncio.create_task(run_step(store, world.clients(), claim, heartbeat_seconds=0.01))
    await eventually(lambda: store.count >= 3)
    let_go.set()
    assert (await running).outcome is Outcome.DONE
