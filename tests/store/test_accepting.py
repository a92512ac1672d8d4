"""A job is accepted once, however often it is sent."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from editrefiner.contracts import JobStatus, StepKind
from orchestrator.jobs import IdempotencyMismatchError, JobGoneError


def test_an_accepted_job_is_queued_with_its_first_step_ready(world) -> None:
    job_id = world.create(deadline_seconds=60, seed=7)

    record = world.store.get(job_id)
    assert (record.status, record.phase, record.iteration, record.version) == (
        JobStatus.QUEUED,
        StepKind.SCORE,
        0,
        1,
    )
    assert record.inputs.parameters.seed == 7
    assert record.inputs.edited_alpha is not None
    assert record.deadline_at == pytest.approx(record.created_at + 60)
    assert record.created_at == record.updated_at
    assert (record.result, record.error, record.finished_at, record.expires_at) == (None, None, None, None)
    assert world.event_types(job_id) == ["job.created"]
    assert world.claim(job_id, 0).kind is StepKind.SCORE


def test_jobs_without_a_key_are_all_different(world) -> None:
    assert world.create() != world.create()


def test_the_same_key_means_the_same_job(world) -> None:
    first = world.submit(world.inputs(), key="k")
    again = world.submit(world.inputs(), key="k")

    assert (first.replayed, again.replayed) == (False, True)
    assert again.job == first.job
    assert world.rows("SELECT count(*) FROM jobs") == [(1,)]


def test_the_same_key_with_another_body_is_refused(world) -> None:
    world.create(key="k", body="aa")

    with pytest.raises(IdempotencyMismatchError, match="'k'"):
        world.create(key="k", body="bb")
    assert world.rows("SELECT count(*) FROM jobs") == [(1,)]


def test_fifty_at_once_with_one_key_make_one_job(world) -> None:
    with ThreadPoolExecutor(16) as threads:
        created = list(threads.map(lambda _: world.submit(world.inputs(), key="k"), range(50)))

    assert len({one.job.id for one in created}) == 1
    assert [one.replayed for one in created].count(False) == 1
    assert world.rows("SELECT count(*) FROM jobs") == [(1,)]
    assert world.rows("SELECT count(*) FROM steps") == [(1,)]


def test_a_key_is_free_again_after_a_day(world) -> None:
    first = world.create(key="k")

    world.pass_time(86_399)
    assert world.create(key="k") == first
    world.pass_time(2)
    assert world.create(key="k", body="bb") != first


def test_a_late_repetition_does_not_bring_a_removed_job_back(world) -> None:
    job_id = world.create(key="k")
    world.store.request_cancel(job_id)
    world.store.delete(job_id)

    with pytest.raises(JobGoneError, match=job_id):
        world.create(key="k")


def test_text_of_every_kind_comes_back_as_it_was(world) -> None:
    text = "Mach's röter \x00 \x1f \U0001f697 \u2028 '; DROP TABLE jobs; --"

    created = world.submit(replace(world.inputs(), instruction=text))

    assert world.store.get(created.job.id).inputs.instruction == text
