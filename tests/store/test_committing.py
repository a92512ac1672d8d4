"""A step is committed once, and with it everything that follows from it."""

from dataclasses import replace
from itertools import pairwise

import pytest

from editrefiner.contracts import JobStatus, StepKind, StopReason
from orchestrator.jobs import Doorbell, LeaseLostError
from orchestrator.store import open_job_store


def test_a_commit_makes_the_next_step_ready(world) -> None:
    job_id = world.create()

    bell = world.commit(world.claim(job_id, 0))

    assert bell == Doorbell(job_id, 1, StepKind.PERCEIVE)
    (step,) = world.store.steps(job_id)
    assert (step.seq, step.kind, step.run_seconds) == (0, StepKind.SCORE, 0.5)
    record = world.store.get(job_id)
    assert (record.status, record.phase, record.iteration) == (JobStatus.RUNNING, StepKind.PERCEIVE, 1)
    assert world.claim(job_id, 1).kind is StepKind.PERCEIVE


def test_a_job_runs_to_its_end(world) -> None:
    job_id = world.create(max_iterations=2)

    world.run(job_id)

    record = world.store.get(job_id)
    assert (record.status, record.phase, record.iteration) == (JobStatus.SUCCEEDED, None, 2)
    assert record.result is not None
    assert record.result.stop_reason is StopReason.MAX_ITERATIONS
    assert record.result.scores_after.overall == pytest.approx(60)
    assert len(record.result.masks) == 2
    assert record.finished_at is not None
    assert record.expires_at == pytest.approx(record.finished_at + 7 * 86_400)
    assert [step.seq for step in world.store.steps(job_id)] == list(range(9))
    assert world.rows("SELECT count(*), sum(run_seconds) FROM ledger") == [(9, 4.5)]


def test_a_job_tells_its_story_in_numbered_events(world) -> None:
    job_id = world.create(max_iterations=1)

    world.run(job_id)

    events = world.store.events(job_id, after=0, limit=100)
    assert [event.seq for event in events] == list(range(1, 10))
    assert [event.type for event in events] == [
        "job.created",
        "job.started",
        *["step.completed"] * 5,
        "iteration.completed",
        "job.succeeded",
    ]
    completed, round_over, end = events[2], events[-2], events[-1]
    assert completed.detail == {
        "seq": 0,
        "kind": "score",
        "agent": "evaluation",
        "iteration": 0,
        "run_seconds": 0.5,
        "next": "perceive",
    }
    assert round_over.detail == {
        "iteration": 1,
        "accepted": True,
        "overall": pytest.approx(55),
        "decision": "Accepted candidate 1: overall 55.0, +5.0.",
    }
    assert end.detail == {"stop_reason": "max_iterations", "improved": True, "overall": pytest.approx(55)}


def test_a_round_that_finds_nothing_is_told_once(world) -> None:
    job_id = world.create()
    claim = world.run(job_id, until=2)  # diagnosis
    assert claim is not None

    assert world.commit(claim, flaws=[{**flaw(), "is_flaw": False}], summary="", backend=backend()) is None

    assert world.event_types(job_id)[-3:] == ["step.completed", "iteration.completed", "job.succeeded"]


def test_a_repeated_commit_changes_nothing_and_answers_the_same(world) -> None:
    job_id = world.create()
    claim = world.claim(job_id, 0)
    bell = world.commit(claim)
    before = world.store.get(job_id), world.event_types(job_id)

    assert world.commit(claim) == bell
    assert (world.store.get(job_id), world.event_types(job_id)) == before


def test_the_last_commit_repeated_still_says_that_the_job_is_over(world) -> None:
    job_id = world.create(max_iterations=1)
    last = world.run(job_id, until=4)
    assert last is not None

    assert world.commit(last) is None
    assert world.commit(last) is None
    assert world.event_types(job_id).count("job.succeeded") == 1


def test_a_commit_repeated_after_the_job_was_removed_is_refused(world) -> None:
    job_id = world.create(max_iterations=1)
    last = world.run(job_id, until=4)
    assert last is not None
    world.commit(last)
    world.store.delete(job_id)

    with pytest.raises(LeaseLostError):
        world.commit(last)


def test_a_stolen_token_of_another_step_opens_nothing(world) -> None:
    job_id, other = world.create(), world.create()
    claim, foreign = world.claim(job_id), world.claim(other)

    with pytest.raises(LeaseLostError):
        world.commit(replace(claim, token=foreign.token))


def test_every_picture_of_an_answer_belongs_to_the_job(world) -> None:
    job_id = world.create(max_iterations=1)
    world.run(job_id)
    record = world.store.get(job_id)
    assert record.result is not None

    kept = {sha256 for (sha256,) in world.rows("SELECT sha256 FROM artifacts")}

    assert {record.inputs.source.sha256, record.inputs.edited.sha256, record.result.image.sha256} <= kept
    assert record.inputs.edited_alpha is not None
    assert record.inputs.edited_alpha.sha256 in kept
    assert {mask.sha256 for mask in record.result.masks} <= kept
    assert "0b" * 32 not in kept, "the digest of a backend is no picture"


def test_every_change_that_a_client_can_see_raises_the_version(world) -> None:
    job_id = world.create(max_iterations=1)
    seen = [world.store.get(job_id)]
    for seq in range(5):
        claim = world.claim(job_id, seq)
        seen.append(world.store.get(job_id))
        world.commit(claim)
        seen.append(world.store.get(job_id))

    for before, after in pairwise(seen):
        assert after == before if after.version == before.version else after.version == before.version + 1
    assert seen[-1].version == 7  # created, started, five steps


def test_without_the_fence_a_late_worker_would_write_twice(url, world) -> None:
    unfenced = open_job_store(url, fenced=False)
    job_id = world.create()
    late = world.claim(job_id)
    world.pass_time(31)
    new = world.claim(job_id)
    world.commit(new)

    unfenced.commit(late, answer_of(late), run_seconds=9.0, backend_digest="0c" * 32)

    assert world.event_types(job_id).count("step.completed") == 2
    unfenced.close()


def answer_of(claim) -> dict:
    whole = dict.fromkeys(("perceptual_quality", "instruction_following", "visual_consistency"), (0, 100))
    return {"scores": {**dict.fromkeys(whole, 10), "intervals": whole}, "backend": backend()}


def backend() -> dict:
    return {"name": "hand", "version": "1", "digest": "0b" * 32}


def flaw() -> dict:
    return {
        "region_id": "r1",
        "flaw_type": "blur",
        "flaw_type_text": "",
        "explanation": "",
        "severity": 0.1,
        "confidence": 0.5,
        "suggested_operation": "leave",
        "edit_instruction": "",
    }
