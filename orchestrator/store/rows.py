"""How do rows become jobs, steps and events, and back?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from editrefiner.contracts import JobEvent, JobResult, JobStatus, Problem, StepKind
from orchestrator.jobs import CommittedStep, JobInputs, JobRecord

INPUTS = TypeAdapter(JobInputs)


def job_record(row: sa.Row[Any]) -> JobRecord:  # Any: a row of `jobs`
    """A job as its row says."""
    return JobRecord(
        id=row.id,
        status=JobStatus(row.status),
        inputs=INPUTS.validate_python(row.inputs),
        phase=None if row.phase is None else StepKind(row.phase),
        iteration=row.iteration,
        result=None if row.result is None else JobResult.model_validate(row.result),
        error=None if row.error is None else Problem.model_validate(row.error),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
        deadline_at=row.deadline_at,
        expires_at=row.expires_at,
        cancel_requested_at=row.cancel_requested_at,
    )


def committed_step(
    row: sa.Row[Any],
) -> CommittedStep:  # Any: a finished row of `steps`, with its `ledger` row
    """A committed step as its rows say."""
    return CommittedStep(
        seq=row.seq,
        kind=StepKind(row.kind),
        iteration=row.iteration,
        request=row.request,
        result=row.result,
        run_seconds=row.run_seconds,
    )


def job_event(row: sa.Row[Any]) -> JobEvent:  # Any: a row of `events`
    """An event as its row says."""
    return JobEvent(seq=row.seq, type=row.type, at=datetime.fromtimestamp(row.at, UTC), detail=row.detail)


def pictures_of(document: Any) -> Iterator[str]:  # Any: a JSON value
    """The SHA-256 of every picture a document refers to: wherever an ImageRef was dumped to JSON."""
    if isinstance(document, dict):
        if isinstance(document.get("sha256"), str) and "media_type" in document:
            yield document["sha256"]
        for value in document.values():
            yield from pictures_of(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from pictures_of(value)
