"""A worker takes steps from the broker, or from its own sweep, and gives them back in the end."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from anyio import to_thread

from editrefiner.contracts import JobStatus, StepKind, StopReason
from orchestrator.doorbell import Ringer, create_celery
from orchestrator.jobs import Doorbell, JobStore
from orchestrator.worker.embedded import EmbeddedWorker
from tests.orchestrator.altered_stores import FirstSweepFails
from tests.orchestrator.behaviours import for_ever, retries
from tests.orchestrator.world import NO_BROKER, World

READY_SECONDS = 20.0
IN_MEMORY = "memory://"  # a broker inside this process


@contextlib.asynccontextmanager
async def working(
    world: World,
    redis_url: str,
    *,
    store: JobStore | None = None,
    remove_artifact: Callable[[str], None] = lambda _: None,
    before_stop: Callable[[], None] = lambda: None,
    **options: Any,
) -> AsyncIterator[tuple[EmbeddedWorker, Ringer]]:
    """A worker over the world's store and agents, and a ringer for whoever creates jobs."""
    app = create_celery(redis_url)
    ringer = Ringer(app, redis_url, service="test")
    ringer.start()
    worker = EmbeddedWorker(
        store or world.store,
        world.clients(),
        app,
        ringer,
        remove_artifact=remove_artifact,
        **{"sweep_seconds": 0.05, "drain_seconds": 5.0, **options},
    )
    worker.start()
    try:
        yield worker, ringer
    finally:
        before_stop()
        await asyncio.to_thread(worker.stop)
        await asyncio.to_thread(ringer.stop)


def first_step(job_id: str) -> Doorbell:
    return Doorbell(job_id, 0, StepKind.SCORE)


@pytest.mark.process
async def test_doorbells_alone_bring_a_job_to_its_end(world, valkey, eventually, ended):
    async with working(world, valkey.url, sweep_seconds=3600) as (worker, ringer):
        assert await asyncio.to_thread(worker.wait_ready, READY_SECONDS)
        job = world.create()
        ringer.ring(first_step(job.id))
        await eventually(partial(ended, job.id))

    job = world.store.get(job.id)
    assert job.status is JobStatus.SUCCEEDED
    assert job.result is not None
    assert job.result.stop_reason is StopReason.MAX_ITERATIONS
    kinds = [step.kind for step in world.store.steps(job.id)]
    round_of_four = [StepKind.PERCEIVE, StepKind.DIAGNOSE, StepKind.EDIT, StepKind.RANK]
    assert kinds == [StepKind.SCORE, *(round_of_four * 4)]
    assert [call.kind for call in world.agents.calls] == kinds


@pytest.mark.process
async def test_a_doorbell_that_comes_ten_times_runs_its_step_once(world, valkey, eventually, ended):
    async with working(world, valkey.url, sweep_seconds=3600) as (worker, ringer):
        assert await asyncio.to_thread(worker.wait_ready, READY_SECONDS)
        job = world.create(brightness=210)
        ringer.ring(*[first_step(job.id)] * 10)
        await eventually(partial(ended, job.id))

    assert [call.kind for call in world.agents.calls] == [StepKind.SCORE, StepKind.PERCEIVE]


async def test_without_a_broker_the_sweep_finds_the_job_and_the_worker_goes_on_by_itself(
    world, eventually, ended
):
    async with working(world, NO_BROKER) as (worker, _):
        jobs = [world.create().id for _ in range(3)]
        await eventually(lambda: all(ended(job_id) for job_id in jobs))
        assert not worker.wait_ready(0)

    assert {world.store.get(job_id).status for job_id in jobs} == {JobStatus.SUCCEEDED}


@pytest.mark.process
async def test_a_broker_that_goes_away_in_the_middle_of_a_job_does_not_stop_it(
    world, valkey, eventually, ended
):
    async def lose_the_broker() -> None:
        await asyncio.to_thread(valkey.kill)

    world.agents.behave[StepKind.DIAGNOSE] = lose_the_broker
    async with working(world, valkey.url) as (worker, ringer):
        assert await asyncio.to_thread(worker.wait_ready, READY_SECONDS)
        job = world.create()
        ringer.ring(first_step(job.id))
        await eventually(partial(ended, job.id))

    assert world.store.get(job.id).status is JobStatus.SUCCEEDED


async def test_a_sweep_that_fails_is_followed_by_the_next(world, eventually, ended):
    store = FirstSweepFails(world.store)
    async with working(world, NO_BROKER, store=store):
        job = world.create(brightness=210)
        await eventually(partial(ended, job.id))

    assert store.count > 1


async def test_a_worker_with_no_room_leaves_steps_to_others(world, eventually, ended):
    let_go = threading.Event()
    world.agents.behave[StepKind.SCORE] = waiting_for(let_go)
    async with working(world, NO_BROKER, concurrency=2):
        jobs = [world.create(brightness=210).id for _ in range(5)]
        await eventually(lambda: len(world.agents.calls) == 2)
        running = [job_id for job_id in jobs if world.store.get(job_id).status is JobStatus.RUNNING]
        claimable = [job_id for job_id in jobs if job_id not in running]
        assert len(claimable) == 3
        assert all(world.store.get(job_id).status is JobStatus.QUEUED for job_id in claimable)
        let_go.set()
        # what was swept and refused is rung for again after some seconds: claimed here instead
        await eventually(lambda: all(ended(job_id) for job_id in running))
        for job_id in claimable:
            assert (await world.drive(job_id)).status is JobStatus.SUCCEEDED


async def test_a_worker_that_stops_finishes_the_steps_in_hand(world, eventually):
    let_go = threading.Event()
    world.agents.behave[StepKind.SCORE] = waiting_for(let_go)
    async with working(world, IN_MEMORY, before_stop=let_go.set) as (_, ringer):
        job = world.create()
        ringer.ring(first_step(job.id))
        await eventually(lambda: len(world.agents.calls) == 1)

    assert world.agents.aborted == []
    asked, answered = world.agents.calls, world.store.steps(job.id)
    assert [call.kind for call in asked] == [step.kind for step in answered]
    assert world.store.claim(job.id, len(answered)) is not None  # the step after waits for another worker


async def test_a_worker_whose_drain_time_is_over_gives_its_steps_back_at_once(world, eventually):
    world.agents.behave[StepKind.SCORE] = for_ever
    async with working(world, IN_MEMORY, drain_seconds=0) as (_, ringer):
        job = world.create()
        ringer.ring(first_step(job.id))
        await eventually(lambda: len(world.agents.calls) == 1)

    assert world.agents.aborted == [StepKind.SCORE]
    assert world.store.claim(job.id, 0) is not None
    assert retries(world, job.id) == 0


async def test_a_heartbeat_of_the_worker_hears_of_a_cancel(world, eventually, ended):
    world.agents.behave[StepKind.SCORE] = for_ever
    async with working(world, IN_MEMORY, heartbeat_seconds=0.02) as (_, ringer):
        job = world.create()
        ringer.ring(first_step(job.id))
        await eventually(lambda: len(world.agents.calls) == 1)
        world.store.request_cancel(job.id)
        await eventually(partial(ended, job.id))

    assert world.store.get(job.id).status is JobStatus.CANCELED
    assert world.agents.aborted == [StepKind.SCORE]


async def test_pictures_of_jobs_whose_time_is_over_are_removed(world, eventually):
    job = await world.drive(world.create(brightness=210).id)
    removed = []
    world.expire(job.id)

    async with working(world, IN_MEMORY, remove_artifact=removed.append, purge_seconds=0.05):
        await eventually(lambda: job.inputs.edited.sha256 in removed)

    assert job.inputs.source.sha256 in removed


def waiting_for(event: threading.Event):
    """An agent that waits until it is told to answer."""

    async def behave() -> None:
        await to_thread.run_sync(event.wait, abandon_on_cancel=True)

    return behave
