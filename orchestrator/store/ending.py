"""How does a client end a job, and what is left of one that was removed?"""

from collections.abc import Sequence

import sqlalchemy as sa

from editrefiner.contracts import JobStatus
from orchestrator.jobs import AlreadyFinishedError, EventType, JobRecord, NotFinishedError, StepStatus
from orchestrator.store import schema
from orchestrator.store.database import Transaction
from orchestrator.store.held import HeldJob, held
from orchestrator.store.part import StorePart
from orchestrator.store.reading import read_job

REMOVAL_LOCK = 0x7265_6D6F  # "remo": PostgreSQL removes jobs one transaction at a time


class Ending(StorePart):
    """Cancels and deletes jobs."""

    def request_cancel(self, job_id: str) -> JobRecord:
        """End a queued job at once, a running one soon; AlreadyFinishedError when it is over otherwise."""

        def work(tx: Transaction) -> JobRecord:
            with held(tx, self._rules, job_id) as job:
                if job is not None:
                    _cancel(tx, job)
            record = read_job(tx.connection, job_id)
            if record.status.is_terminal and record.status is not JobStatus.CANCELED:
                raise AlreadyFinishedError(f"job {job_id} is {record.status} and can no longer be canceled")
            return record

        return self._database.write("request_cancel", work)

    def delete(self, job_id: str) -> Sequence[str]:
        """Remove a finished job's rows; NotFinishedError otherwise."""

        def work(tx: Transaction) -> Sequence[str]:
            record = read_job(tx.connection, job_id)
            if not record.status.is_terminal:
                raise NotFinishedError(f"job {job_id} is {record.status}; cancel it, then delete it")
            return remove(tx, [job_id])

        return self._database.write("delete", work)


def _cancel(tx: Transaction, job: HeldJob) -> None:
    """Ask the worker to stop; where none is at work, the job is over."""
    if not job.is_canceled and job.record.status is not JobStatus.QUEUED:
        job.change(status=JobStatus.CANCELING, cancel_requested_at=tx.now)
        job.note(EventType.JOB_CANCELING)
    at_work = sa.select(schema.steps.c.seq).where(
        schema.steps.c.job_id == job.record.id,
        schema.steps.c.status == StepStatus.LEASED,
        schema.steps.c.due_at > tx.now,
    )
    if tx.execute(at_work).first() is None:
        job.change(cancel_requested_at=job.record.cancel_requested_at or tx.now)
        job.cancel()


def remove(tx: Transaction, job_ids: Sequence[str]) -> Sequence[str]:
    """Remove finished jobs with all their rows, and return the pictures that no other job refers to."""
    if tx.connection.dialect.name == "postgresql":
        # Two removals at once would each take the other's job for one that still needs a shared picture.
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(REMOVAL_LOCK)))
    pictures = schema.artifacts
    query = sa.select(pictures.c.sha256).where(pictures.c.job_id.in_(job_ids)).distinct()
    candidates = set(tx.execute(query).scalars())
    tx.execute(sa.delete(schema.jobs).where(schema.jobs.c.id.in_(job_ids)))
    tx.insert_new(schema.tombstones, *({"job_id": job_id, "removed_at": tx.now} for job_id in job_ids))
    wanted = sa.select(pictures.c.sha256).where(pictures.c.sha256.in_(candidates)).distinct()
    return sorted(candidates - set(tx.execute(wanted).scalars()))
