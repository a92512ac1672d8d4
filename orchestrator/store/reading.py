"""What does the store know? Everything here only reads."""

from collections.abc import Sequence
from itertools import product

import sqlalchemy as sa
from sqlalchemy import exc

from editrefiner.contracts import JobEvent, JobStatus, StepKind
from orchestrator.jobs import (
    CommittedStep,
    JobGoneError,
    JobNotFoundError,
    JobRecord,
    StepStatus,
    StoreUnavailableError,
)
from orchestrator.store import schema
from orchestrator.store.held import committed_steps
from orchestrator.store.ids import lowest_id
from orchestrator.store.part import StorePart
from orchestrator.store.rows import job_event, job_record

# Built once: polling a job's status is what the store does most.
JOB = sa.select(schema.jobs).where(schema.jobs.c.id == sa.bindparam("job_id"))


class Reading(StorePart):
    """Jobs, their steps and events, and how much waits."""

    def get(self, job_id: str) -> JobRecord:
        """JobNotFoundError when unknown, JobGoneError after it was removed."""
        return self._database.read(lambda connection: read_job(connection, job_id))

    def page(
        self, *, status: JobStatus | None, created_after: float | None, limit: int, before: str | None
    ) -> Sequence[JobRecord]:
        """Newest first."""
        query = sa.select(schema.jobs).order_by(schema.jobs.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(schema.jobs.c.status == status)
        if created_after is not None:
            query = query.where(
                schema.jobs.c.id >= lowest_id(created_after), schema.jobs.c.created_at > created_after
            )
        if before is not None:
            query = query.where(schema.jobs.c.id < before)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return [job_record(row) for row in rows]

    def steps(self, job_id: str) -> Sequence[CommittedStep]:
        """Committed steps in order."""

        def work(connection: sa.Connection) -> Sequence[CommittedStep]:
            found = committed_steps(connection, job_id)
            if not found:
                read_job(connection, job_id)
            return found

        return self._database.read(work)

    def events(self, job_id: str, *, after: int, limit: int) -> Sequence[JobEvent]:
        """Events with seq > after."""
        query = (
            sa.select(schema.events)
            .where(schema.events.c.job_id == job_id, schema.events.c.seq > after)
            .order_by(schema.events.c.seq)
            .limit(limit)
        )

        def work(connection: sa.Connection) -> Sequence[JobEvent]:
            rows = connection.execute(query).all()
            if not rows:
                read_job(connection, job_id)
            return [job_event(row) for row in rows]

        return self._database.read(work)

    def counts(self) -> dict[str, int]:
        """Steps waiting or running per agent."""
        query = (
            sa.select(schema.steps.c.kind, schema.steps.c.status, sa.func.count())
            .where(schema.steps.c.ring_at.is_not(None))
            .group_by(schema.steps.c.kind, schema.steps.c.status)
        )
        states = (StepStatus.PENDING, StepStatus.LEASED)
        totals = {f"{kind.agent}.{status}": 0 for kind, status in product(StepKind, states)}
        for kind, status, count in self._database.read(lambda connection: connection.execute(query).all()):
            totals[f"{StepKind(kind).agent}.{status}"] += count
        return totals

    def ping(self) -> None:
        """Raise StoreUnavailableError when the database cannot be reached, or holds no tables yet."""
        query = sa.select(schema.jobs.c.id).limit(1)
        try:
            self._database.read(lambda connection: connection.execute(query).all())
        except exc.DBAPIError as error:
            raise StoreUnavailableError("the job database holds no tables yet; migrate it first") from error


def read_job(connection: sa.Connection, job_id: str) -> JobRecord:
    """A job. JobNotFoundError when unknown, JobGoneError after it was removed."""
    row = connection.execute(JOB, {"job_id": job_id}).one_or_none()
    if row is not None:
        return job_record(row)
    removed = sa.select(schema.tombstones.c.job_id).where(schema.tombstones.c.job_id == job_id)
    if connection.execute(removed).one_or_none() is not None:
        raise JobGoneError(f"job {job_id} was removed, and its pictures with it")
    raise JobNotFoundError(f"there is no job {job_id!r}; ids come from POST /v1/jobs")
