"""A step has one worker at a time, and only that one may write about it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from editrefiner.contracts import JobStatus, Problem, ProblemCode, StepKind
from orchestrator.jobs import LeaseLostError, LeaseState, StepAnswerError

LOST = Problem(
    type="t", title="Agent lost", status=502, code=ProblemCode.BACKEND_FAILED, detail="the connection broke"
)


def test_a_claim_carries_the_step_and_starts_the_job(world) -> None:
    job_id = world.create(deadline_seconds=100)
    world.pass_time(40)

    claim = world.claim(job_id, 0)

    assert (claim.job_id, claim.seq, claim.kind, claim.iteration) == (job_id, 0, StepKind.SCORE, 0)
    assert claim.request["instruction"] == "Make the car red"
    assert len(claim.key) == 64
    assert 0 < claim.deadline_seconds <= 60
    assert world.store.get(job_id).status is JobStatus.RUNNING
    assert world.event_types(job_id) == ["job.created", "job.started"]


def test_the_same_question_has_the_same_key_in_every_job(world) -> None:
    keys = [world.claim(world.create(seed=seed)).key for seed in (1, 2)]
    other = world.create()
    world.commit(world.claim(other, 0))

    assert keys[0] == keys[1] != world.claim(other, 1).key


def test_a_leased_step_is_not_given_out_again(world) -> None:
    job_id = world.create()
    world.claim(job_id)

    assert world.store.claim(job_id, 0) is None


@pytest.mark.parametrize("seq", [1, -1, 99])
def test_a_step_that_is_not_there_cannot_be_claimed(world, seq: int) -> None:
    job_id = world.create()

    assert world.store.claim(job_id, seq) is None


def test_a_step_of_a_job_that_is_not_there_cannot_be_claimed(world) -> None:
    assert world.store.claim("0" * 26, 0) is None


def test_one_of_sixteen_threads_gets_the_step(world) -> None:
    job_ids = [world.create() for _ in range(4)]
    start = Barrier(16)

    def race(_: int) -> list:
        start.wait()
        return [world.store.claim(job_id, 0) for job_id in job_ids]

    with ThreadPoolExecutor(16) as threads:
        claims = [claim for mine in threads.map(race, range(16)) for claim in mine if claim is not None]

    assert sorted(claim.job_id for claim in claims) == sorted(job_ids)


def test_a_heartbeat_keeps_the_lease(world) -> None:
    job_id = world.create()
    claim = world.claim(job_id)

    world.pass_time(29)
    assert world.store.heartbeat(claim) is LeaseState.HELD
    world.pass_time(29)
    assert world.store.claim(job_id, 0) is None
    assert world.store.sweep() == []


def test_a_step_whose_lease_ran_out_is_taken_over(world) -> None:
    job_id = world.create()
    late = world.claim(job_id)
    world.pass_time(31)

    new = world.claim(job_id)

    assert new.token != late.token
    assert world.store.heartbeat(late) is LeaseState.LOST
    assert world.store.heartbeat(new) is LeaseState.HELD
    with pytest.raises(LeaseLostError, match="step 0"):
        world.commit(late)
    assert world.store.steps(job_id) == []
    assert world.commit(new) is not None


def test_a_late_worker_may_finish_while_nobody_took_over(world) -> None:
    job_id = world.create()
    claim = world.claim(job_id)
    world.pass_time(31)

    assert world.commit(claim) is not None


@pytest.mark.parametrize(
    "outcome",
    [
        lambda store, claim: store.release(claim, busy_for_seconds=0),
        lambda store, claim: store.crash(claim, LOST),
        lambda store, claim: store.fail(claim, LOST),
        lambda store, claim: store.abort(claim),
    ],
    ids=["release", "crash", "fail", "abort"],
)
def test_every_other_outcome_is_fenced_too(world, outcome) -> None:
    job_id = world.create()
    late = world.claim(job_id)
    world.pass_time(31)
    new = world.claim(job_id)
    before = world.store.get(job_id)

    with pytest.raises(LeaseLostError):
        outcome(world.store, late)

    assert world.store.get(job_id) == before
    assert world.store.heartbeat(new) is LeaseState.HELD


def test_a_busy_agent_costs_no_attempt(world) -> None:
    job_id = world.create()
    for _ in range(5):
        world.store.release(world.claim(job_id), busy_for_seconds=60)
        assert world.store.claim(job_id, 0) is None
        world.pass_time(61)

    assert world.claim(job_id).seq == 0
    assert world.store.get(job_id).status is JobStatus.RUNNING


def test_a_released_step_is_rung_for_when_it_is_due(world) -> None:
    job_id = world.create()
    world.store.release(world.claim(job_id), busy_for_seconds=60)

    assert world.store.sweep() == []
    world.pass_time(61)
    assert [bell.job_id for bell in world.store.sweep()] == [job_id]


def test_the_third_crash_fails_the_job(world) -> None:
    job_id = world.create()
    for _ in range(2):
        world.store.crash(world.claim(job_id), LOST)
        assert world.store.get(job_id).status is JobStatus.RUNNING
        world.pass_time(10)
    world.store.crash(world.claim(job_id), LOST)

    record = world.store.get(job_id)
    assert record.status is JobStatus.FAILED
    assert record.error is not None
    assert record.error.code is ProblemCode.STEP_ATTEMPTS_EXHAUSTED
    assert "the connection broke" in record.error.detail
    assert record.result is None
    assert record.finished_at is not None
    assert world.store.claim(job_id, 0) is None
    assert world.event_types(job_id)[2:] == ["step.retried", "step.retried", "job.failed"]


def test_a_step_that_ends_three_workers_fails_the_job(world) -> None:
    job_id = world.create()
    for _ in range(3):
        world.claim(job_id)
        world.pass_time(31)

    assert world.store.claim(job_id, 0) is None
    error = world.store.get(job_id).error
    assert error is not None
    assert error.code is ProblemCode.STEP_ATTEMPTS_EXHAUSTED


def test_a_crashed_step_waits_longer_each_time(world) -> None:
    job_id = world.create()

    world.store.crash(world.claim(job_id), LOST)
    assert world.store.claim(job_id, 0) is None
    world.pass_time(1.1)
    world.store.crash(world.claim(job_id), LOST)
    world.pass_time(1.1)
    assert world.store.claim(job_id, 0) is None
    world.pass_time(1.1)
    assert world.claim(job_id).seq == 0


def test_crashes_of_one_step_do_not_count_for_the_next(world) -> None:
    job_id = world.create()
    for seq in range(3):
        for _ in range(2):
            world.store.crash(world.claim(job_id, seq), LOST)
            world.pass_time(10)
        world.commit(world.claim(job_id, seq))

    assert world.store.get(job_id).status is JobStatus.RUNNING


def test_a_step_that_can_never_succeed_fails_the_job(world) -> None:
    job_id = world.create()

    world.store.fail(world.claim(job_id), LOST)

    record = world.store.get(job_id)
    assert (record.status, record.error, record.phase) == (JobStatus.FAILED, LOST, None)


def test_an_answer_that_does_not_fit_writes_nothing_and_keeps_the_lease(world) -> None:
    job_id = world.create()
    claim = world.claim(job_id)
    before = world.store.get(job_id)

    with pytest.raises(StepAnswerError):
        world.commit(claim, nonsense=True)

    assert world.store.get(job_id) == before
    assert world.store.heartbeat(claim) is LeaseState.HELD
