"""What may a transaction do to the one job it holds?

Whoever changes a job, its steps or its events first locks the job's row. So the changes of one job happen one
after the other, its events are numbered without gaps, and its status moves only as written here.
"""

import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from editrefiner.contracts import (
    CONTRACT_VERSION,
    JobResult,
    JobStatus,
    Problem,
    StepKind,
    StopReason,
    fingerprint,
)
from orchestrator.jobs import CommittedStep, EventType, JobRecord, NewStep, StepAnswerError, StepStatus
from orchestrator.loop import finish_early
from orchestrator.store import schema
from orchestrator.store.database import Transaction
from orchestrator.store.rows import committed_step, job_record

RING_GRACE_SECONDS = 2.0  # whoever makes a step ready rings for it; the sweeper does after this
ENDINGS = {
    JobStatus.SUCCEEDED: EventType.JOB_SUCCEEDED,
    JobStatus.FAILED: EventType.JOB_FAILED,
    JobStatus.CANCELED: EventType.JOB_CANCELED,
    JobStatus.EXPIRED: EventType.JOB_EXPIRED,
}

EventDetail = str | int | float | bool | None

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a store was opened with."""

    lease_seconds: float
    ttl_seconds: float
    fenced: bool
    crash_attempts: int


class HeldJob:
    """A job whose row this transaction has locked."""

    def __init__(self, tx: Transaction, rules: Rules, row: sa.Row[Any]) -> None:
        self.record: JobRecord = job_record(row)
        self._tx = tx
        self._rules = rules
        self._last_event: int = row.last_event
        self._changes: dict[str, Any] = {}  # Any: column values
        self._events: list[tuple[EventType, dict[str, EventDetail]]] = []

    @property
    def is_canceled(self) -> bool:
        """Whether somebody asked for the job to end."""
        return self.record.cancel_requested_at is not None

    @property
    def is_overdue(self) -> bool:
        """Whether the job's deadline has passed."""
        return self.record.deadline_at <= self._tx.now

    def change(self, **columns: Any) -> None:  # Any: column values
        """Change the job's row when the transaction lets go of it."""
        self._changes.update(columns)

    def note(self, event: EventType, **detail: EventDetail) -> None:
        """Write the next event into the job's history."""
        self._events.append((event, detail))

    def save(self) -> None:
        """Write what was changed and noted, and raise the version: whoever polls shall see it."""
        for event, detail in self._events:
            self._last_event += 1
            add_event(self._tx, self.record.id, self._last_event, event, detail)
        if self._changes or self._events:
            self._tx.execute(
                sa.update(schema.jobs)
                .where(schema.jobs.c.id == self.record.id)
                .values(
                    version=schema.jobs.c.version + 1,
                    last_event=self._last_event,
                    updated_at=self._tx.now,
                    **self._changes,
                )
            )

    def start(self) -> None:
        """The first step is being run."""
        self.change(status=JobStatus.RUNNING)
        self.note(EventType.JOB_STARTED)

    def go_on(self, seq: int, step: NewStep) -> None:
        """Make the next step ready."""
        add_step(self._tx, self._rules, self.record.id, seq, step)
        self.change(phase=step.kind, iteration=step.iteration)

    def succeed(self, result: JobResult | None) -> None:
        """The loop came to its end."""
        self._end(JobStatus.SUCCEEDED, result=result)

    def fail(self, problem: Problem) -> None:
        """A step can never succeed."""
        self._end(JobStatus.FAILED, error=problem)

    def expire(self) -> None:
        """Time is up: keep what was reached."""
        self._end(JobStatus.EXPIRED, result=self._best_so_far(StopReason.DEADLINE))

    def cancel(self) -> None:
        """End as was asked for: keep what was reached."""
        self._end(JobStatus.CANCELED, result=self._best_so_far(StopReason.CANCELED))

    def _end(
        self, status: JobStatus, *, result: JobResult | None = None, error: Problem | None = None
    ) -> None:
        """Close the job and whatever step is open; a worker that still runs it finds its lease lost."""
        self._tx.execute(
            sa.update(schema.steps)
            .where(schema.steps.c.job_id == self.record.id, schema.steps.c.ring_at.is_not(None))
            .values(status=StepStatus.FAILED, token=None, ring_at=None)
        )
        self.change(
            status=status,
            phase=None,
            result=None if result is None else result.model_dump(mode="json"),
            error=None if error is None else error.model_dump(mode="json"),
            finished_at=self._tx.now,
            expires_at=self._tx.now + self._rules.ttl_seconds,
        )
        detail: dict[str, EventDetail] = {}
        if result is not None:
            detail = {
                "stop_reason": result.stop_reason,
                "improved": result.improved,
                "overall": result.scores_after.overall,
            }
        if error is not None:
            detail = {"code": error.code, "detail": error.detail}
        self.note(ENDINGS[status], **detail)

    def _best_so_far(self, reason: StopReason) -> JobResult | None:
        try:
            return finish_early(
                self.record.inputs, committed_steps(self._tx.connection, self.record.id), reason
            )
        except (
            StepAnswerError
        ) as exc:  # written by another version of the suite; the job must end all the same
            log.warning("result lost", extra={"job_id": self.record.id, "detail": exc.detail})
            return None


@contextlib.contextmanager
def held(tx: Transaction, rules: Rules, job_id: str, *, wait: bool = True) -> Iterator[HeldJob | None]:
    """Lock a job that is not over, and save it in the end.

    None when there is no such job, or when another transaction has it and `wait` is False.
    """
    row = tx.execute(
        sa.select(schema.jobs)
        .where(schema.jobs.c.id == job_id, schema.jobs.c.finished_at.is_(None))
        .with_for_update(skip_locked=not wait)
    ).one_or_none()
    if row is None:
        yield None
        return
    job = HeldJob(tx, rules, row)
    yield job
    job.save()


def committed_steps(connection: sa.Connection, job_id: str) -> Sequence[CommittedStep]:
    """Every finished step of a job with what it cost, in order."""
    rows = connection.execute(
        sa.select(schema.steps, schema.ledger.c.run_seconds)
        .join(
            schema.ledger,
            (schema.ledger.c.job_id == schema.steps.c.job_id) & (schema.ledger.c.seq == schema.steps.c.seq),
        )
        .where(schema.steps.c.job_id == job_id, schema.steps.c.status == StepStatus.DONE)
        .order_by(schema.steps.c.seq)
    )
    return [committed_step(row) for row in rows]


def add_event(
    tx: Transaction, job_id: str, seq: int, event: EventType, detail: dict[str, EventDetail]
) -> None:
    """Write one event."""
    tx.execute(sa.insert(schema.events).values(job_id=job_id, seq=seq, type=event, at=tx.now, detail=detail))


def add_step(tx: Transaction, rules: Rules, job_id: str, seq: int, step: NewStep) -> None:
    """Make a step ready, and with it the reminder that it is."""
    add_once(
        tx,
        rules,
        schema.steps,
        job_id=job_id,
        seq=seq,
        kind=step.kind,
        iteration=step.iteration,
        key=step_key(step.kind, step.request),
        status=StepStatus.PENDING,
        request=step.request,
        attempts_crash=0,
        due_at=tx.now,
        ring_at=tx.now + RING_GRACE_SECONDS,
        rings=0,
    )


def add_once(tx: Transaction, rules: Rules, table: sa.Table, **values: Any) -> None:  # Any: column values
    """Write what exists once for each step: its row, its cost. A second one is a broken fence and fails."""
    if rules.fenced:
        tx.execute(sa.insert(table).values(**values))
    else:
        tx.insert_new(table, values)


def step_key(kind: StepKind, request: dict[str, Any]) -> str:  # Any: a JSON object
    """Content address of a step: the same question has the same key, whoever asks and however often."""
    return fingerprint({"contract_version": CONTRACT_VERSION, "kind": kind, "request": request})


def add_pictures(tx: Transaction, job_id: str, pictures: Iterable[str]) -> None:
    """Note that the job refers to these pictures; to some of them it may have before."""
    tx.insert_new(schema.artifacts, *({"job_id": job_id, "sha256": name} for name in sorted(set(pictures))))
