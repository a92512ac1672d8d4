"""A client can end a job in every state, and remove one that is over."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from editrefiner.contracts import JobStatus, Problem, ProblemCode, StopReason
from orchestrator.jobs import (
    AlreadyFinishedError,
    JobGoneError,
    JobNotFoundError,
    LeaseLostError,
    LeaseState,
    NotFinishedError,
)

BROKEN = Problem(type="t", title="Broken", status=500, code=ProblemCode.BACKEND_FAILED, detail="it broke")


def test_a_queued_job_is_canceled_at_once(world) -> None:
    job_id = world.create()

    record = world.store.request_cancel(job_id)

    assert record.status is JobStatus.CANCELED
    assert record.cancel_requested_at is not None
    assert (record.result, record.phase) == (None, None)
    assert world.store.claim(job_id, 0) is None
    assert world.store.sweep() == []
    assert world.event_types(job_id) == ["job.created", "job.canceled"]


def test_a_running_job_is_canceled_when_its_worker_hears_of_it(world) -> None:
    job_id = world.create()
    claim = world.claim(job_id)

    assert world.store.request_cancel(job_id).status is JobStatus.CANCELING
    assert world.store.heartbeat(claim) is LeaseState.CANCEL
    world.store.abort(claim)

    assert world.store.get(job_id).status is JobStatus.CANCELED
    assert world.event_types(job_id)[-2:] == ["job.canceling", "job.canceled"]


def test_a_canceled_job_keeps_what_it_reached(world) -> None:
    job_id = world.create()
    claim = world.run(job_id, until=6)
    world.store.request_cancel(job_id)
    world.store.abort(claim)

    result = world.store.get(job_id).result

    assert result is not None
    assert result.stop_reason is StopReason.CANCELED
    assert result.scores_after.overall == pytest.approx(55)


def test_a_cancel_comes_before_success(world) -> None:
    job_id = world.create(max_iterations=1)
    last = world.run(job_id, until=4)
    world.store.request_cancel(job_id)

    assert world.commit(last) is None

    record = world.store.get(job_id)
    assert record.status is JobStatus.CANCELED
    assert len(world.store.steps(job_id)) == 5, "the answer that came in all the same is kept"
    assert world.event_types(job_id)[-4:] == [
        "job.canceling",
        "step.completed",
        "iteration.completed",
        "job.canceled",
    ]


@pytest.mark.parametrize(
    "give_back",
    [
        lambda store, claim: store.release(claim, busy_for_seconds=60),
        lambda store, claim: store.crash(claim, BROKEN),
        lambda store, claim: store.fail(claim, BROKEN),
    ],
    ids=["release", "crash", "fail"],
)
def test_a_canceled_job_is_canceled_however_its_worker_fares(world, give_back) -> None:
    job_id = world.create()
    claim = world.claim(job_id)
    world.store.request_cancel(job_id)

    give_back(world.store, claim)

    assert world.store.get(job_id).status is JobStatus.CANCELED


def test_a_running_job_that_nobody_works_on_is_canceled_at_once(world) -> None:
    job_id = world.create()
    world.commit(world.claim(job_id, 0))

    assert world.store.request_cancel(job_id).status is JobStatus.CANCELED
    assert world.event_types(job_id)[-2:] == ["job.canceling", "job.canceled"]


def test_a_canceled_job_whose_worker_died_is_ended_by_the_sweep(world) -> None:
    job_id = world.create()
    claim = world.claim(job_id)
    world.store.request_cancel(job_id)

    world.store.sweep()
    assert world.store.get(job_id).status is JobStatus.CANCELING
    world.pass_time(31)
    assert world.store.sweep() == []
    assert world.store.get(job_id).status is JobStatus.CANCELED
    with pytest.raises(LeaseLostError):
        world.store.abort(claim)


def test_a_canceled_job_whose_worker_died_is_not_run_by_another(world) -> None:
    job_id = world.create()
    world.claim(job_id)
    world.store.request_cancel(job_id)
    world.pass_time(31)

    assert world.store.claim(job_id, 0) is None
    assert world.store.get(job_id).status is JobStatus.CANCELED


def test_to_cancel_twice_is_to_cancel_once(world) -> None:
    job_id, running = world.create(), world.create()
    world.claim(running)

    assert world.store.request_cancel(job_id) == world.store.request_cancel(job_id)
    assert world.store.request_cancel(running) == world.store.request_cancel(running)


def test_fifty_cancels_at_once_are_one(world) -> None:
    job_id = world.create()
    world.claim(job_id)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: world.store.request_cancel(job_id).status, range(50)))

    assert set(answers) == {JobStatus.CANCELING}
    assert world.event_types(job_id).count("job.canceling") == 1


def test_a_job_that_is_over_cannot_be_canceled(world) -> None:
    done, failed = world.create(max_iterations=1), world.create()
    world.run(done)
    world.store.fail(world.claim(failed), BROKEN)

    for job_id in (done, failed):
        with pytest.raises(AlreadyFinishedError, match=job_id):
            world.store.request_cancel(job_id)


def test_a_removed_job_is_gone_and_an_unknown_one_is_not_found(world) -> None:
    job_id = world.create(max_iterations=1)
    world.run(job_id)

    world.store.delete(job_id)

    for ask in (
        world.store.get,
        world.store.steps,
        world.store.request_cancel,
        world.store.delete,
        lambda job_id: world.store.events(job_id, after=0, limit=10),
    ):
        with pytest.raises(JobGoneError, match=job_id):
            ask(job_id)
        with pytest.raises(JobNotFoundError, match="nobody"):
            ask("nobody")
    for table in ("jobs", "steps", "events", "ledger", "artifacts"):
        assert world.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_a_job_that_is_not_over_cannot_be_removed(world) -> None:
    queued, running = world.create(), world.create()
    world.claim(running)

    for job_id in (queued, running):
        with pytest.raises(NotFinishedError, match=job_id):
            world.store.delete(job_id)
        assert not world.store.get(job_id).status.is_terminal


def test_only_pictures_that_no_other_job_refers_to_are_given_up(world) -> None:
    job_id = world.create(max_iterations=1)
    world.run(job_id)
    record = world.store.get(job_id)
    assert record.result is not None
    other = world.create()  # of the same source and edit

    freed = world.store.delete(job_id)

    assert record.result.image.sha256 in freed
    assert record.inputs.source.sha256 not in freed
    world.store.request_cancel(other)
    assert record.inputs.source.sha256 in world.store.delete(other)
