"""Sweeps keep jobs moving; purges make them go."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from editrefiner.contracts import JobStatus, StepKind, StopReason
from orchestrator.jobs import Doorbell, JobGoneError, JobNotFoundError, LeaseLostError, LeaseState


def test_a_step_that_was_just_made_ready_is_left_to_whoever_made_it(world) -> None:
    world.create()

    assert world.store.sweep() == []


def test_a_step_that_nobody_came_for_is_rung_for(world) -> None:
    job_id = world.create()
    world.pass_time(3)

    assert world.store.sweep() == [Doorbell(job_id, 0, StepKind.SCORE)]


def test_reminders_come_at_growing_intervals(world) -> None:
    world.create(deadline_seconds=86_400)
    world.pass_time(3)
    waits = []
    for _ in range(6):
        assert len(world.store.sweep()) == 1
        seconds = 0
        while not (seconds and due(world)):
            world.pass_time(5)
            seconds += 5
        waits.append(seconds)

    assert waits == [5, 10, 20, 40, 60, 60]


def due(world) -> bool:
    """Whether the next sweep rings for something."""
    (clock,) = (
        ("((julianday('now') - 2440587.5) * 86400.0)",)
        if "sqlite" in world.url
        else ("extract(epoch from now())",)
    )
    return world.rows(f"SELECT count(*) FROM steps WHERE ring_at <= {clock}") != [(0,)]


def test_a_step_whose_worker_died_is_rung_for(world) -> None:
    job_id = world.create()
    world.claim(job_id)
    world.pass_time(29)
    assert world.store.sweep() == []

    world.pass_time(2)
    assert world.store.sweep() == [Doorbell(job_id, 0, StepKind.SCORE)]
    assert world.claim(job_id, 0).seq == 0


def test_nothing_is_rung_for_once_a_job_is_over(world) -> None:
    world.run(world.create(max_iterations=1))
    world.pass_time(3600)

    assert world.store.sweep() == []


def test_sweepers_at_work_at_once_ring_for_each_step_once(world) -> None:
    created = [world.create() for _ in range(40)]
    world.pass_time(3)

    with ThreadPoolExecutor(8) as threads:
        rung = [
            bell.job_id
            for bells in threads.map(lambda _: world.store.sweep(limit=10), range(24))
            for bell in bells
        ]

    assert sorted(rung) == created


def test_the_longest_waiting_is_rung_for_first(world) -> None:
    first = world.create()
    world.pass_time(5)
    second = world.create()
    world.pass_time(5)

    assert [bell.job_id for bell in world.store.sweep(limit=1)] == [first]
    assert [bell.job_id for bell in world.store.sweep(limit=1)] == [second]


# ------------------------------------------------------------------------------ deadlines


def test_a_queued_job_expires(world) -> None:
    job_id = world.create(deadline_seconds=60)
    world.pass_time(61)

    assert world.store.sweep() == []

    record = world.store.get(job_id)
    assert (record.status, record.result) == (JobStatus.EXPIRED, None)
    assert record.expires_at is not None
    assert world.store.claim(job_id, 0) is None


def test_an_expired_job_keeps_the_best_so_far_and_its_worker_loses_the_step(world) -> None:
    job_id = world.create(deadline_seconds=60)
    claim = world.run(job_id, until=6)
    world.pass_time(29)
    assert world.store.heartbeat(claim) is LeaseState.HELD
    world.pass_time(32)

    world.store.sweep()

    record = world.store.get(job_id)
    assert record.status is JobStatus.EXPIRED
    assert record.result is not None
    assert record.result.stop_reason is StopReason.DEADLINE
    assert record.result.scores_after.overall == pytest.approx(55)
    assert world.event_types(job_id)[-1] == "job.expired"
    assert world.store.heartbeat(claim) is LeaseState.LOST
    with pytest.raises(LeaseLostError):
        world.commit(claim)


def test_a_claim_after_the_deadline_expires_the_job(world) -> None:
    job_id = world.create(deadline_seconds=60)
    world.pass_time(61)

    assert world.store.claim(job_id, 0) is None
    assert world.store.get(job_id).status is JobStatus.EXPIRED


def test_an_answer_after_the_deadline_counts_but_no_step_follows(world) -> None:
    job_id = world.create(deadline_seconds=60)
    claim = world.claim(job_id)
    world.pass_time(61)

    assert world.commit(claim) is None

    record = world.store.get(job_id)
    assert record.status is JobStatus.EXPIRED
    assert record.result is not None, "the edit as given is scored, so there is a best one"


def test_the_last_answer_after_the_deadline_is_a_success(world) -> None:
    job_id = world.create(deadline_seconds=60, max_iterations=1)
    last = world.run(job_id, until=4)
    world.pass_time(61)

    assert world.commit(last) is None
    assert world.store.get(job_id).status is JobStatus.SUCCEEDED


def test_a_canceled_job_past_its_deadline_is_canceled(world) -> None:
    job_id = world.create(deadline_seconds=60)
    world.claim(job_id)
    world.store.request_cancel(job_id)
    world.pass_time(61)

    world.store.sweep()

    assert world.store.get(job_id).status is JobStatus.CANCELED


# ------------------------------------------------------------------------------ purging


def test_a_finished_job_stays_for_its_time_and_then_goes(world) -> None:
    job_id, open_job = world.create(max_iterations=1), world.create(deadline_seconds=86_400)
    world.run(job_id)
    image = world.store.get(job_id).result.image.sha256

    world.pass_time(7 * 86_400 - 60)
    assert world.store.purge() == []
    assert world.store.get(job_id).id == job_id
    world.pass_time(120)
    freed = world.store.purge()

    assert image in freed
    assert world.store.get(open_job).inputs.source.sha256 not in freed
    with pytest.raises(JobGoneError, match=job_id):
        world.store.get(job_id)


def test_a_purge_goes_by_portions_and_the_oldest_first(world) -> None:
    created = [world.create() for _ in range(5)]
    for job_id in created:
        world.store.request_cancel(job_id)
        world.pass_time(1)
    world.pass_time(8 * 86_400)

    world.store.purge(limit=2)

    assert sorted(gone for (gone,) in world.rows("SELECT job_id FROM tombstones")) == created[:2]
    world.store.purge(limit=9)
    assert world.rows("SELECT count(*) FROM jobs") == [(0,)]


def test_a_picture_shared_by_two_expired_jobs_is_given_up_once(world) -> None:
    for _ in range(2):
        world.store.request_cancel(world.create())
    world.pass_time(8 * 86_400)

    with ThreadPoolExecutor(2) as threads:
        freed = [
            sha256 for part in threads.map(lambda _: world.store.purge(limit=1), range(2)) for sha256 in part
        ]

    assert world.rows("SELECT count(*) FROM jobs") == [(0,)]
    assert len(freed) == len(set(freed)) == 3


def test_keys_and_tombstones_go_too(world) -> None:
    job_id = world.create(key="k")
    world.store.request_cancel(job_id)
    world.store.delete(job_id)
    world.pass_time(89 * 86_400)
    world.store.purge()
    with pytest.raises(JobGoneError):
        world.store.get(job_id)

    world.pass_time(2 * 86_400)
    world.store.purge()

    with pytest.raises(JobNotFoundError):
        world.store.get(job_id)
    assert world.rows("SELECT count(*) FROM idempotency") == [(0,)]
