"""What keeps jobs moving, and makes them go when their time is over?"""

from collections.abc import Sequence

import sqlalchemy as sa

from editrefiner.contracts import StepKind
from orchestrator.jobs import Doorbell
from orchestrator.store import schema
from orchestrator.store.database import Transaction
from orchestrator.store.ending import remove
from orchestrator.store.held import held
from orchestrator.store.part import StorePart

FIRST_RING_SECONDS = 5.0  # a ring that brought nobody is repeated after this
LONGEST_RING_SECONDS = (
    60.0  # doubled up to this, so that a long queue is not flooded with reminders of itself
)
TOMBSTONE_SECONDS = 90 * 86_400.0  # a removed job's id answers 410 for so long, then 404


class Keeping(StorePart):
    """Sweeps and purges; any number of processes may do so at once."""

    def sweep(self, *, limit: int = 100) -> Sequence[Doorbell]:
        """End jobs past their deadline and canceled ones that nobody runs; find steps to ring for."""
        for job_id in self._database.read(lambda connection: self._unwanted(connection, limit)):
            self._database.write("expire", lambda tx, job_id=job_id: self._end(tx, job_id))
        if not self._database.read(_something_is_due):
            return []  # nothing to write: take no lock
        return self._database.write("ring", lambda tx: _ring(tx, limit), outlives_power_cut=False)

    def purge(self, *, limit: int = 100) -> Sequence[str]:
        """Remove jobs past `expires_at`; returns artifacts (sha256) that no job refers to any more."""

        def work(tx: Transaction) -> Sequence[str]:
            tx.execute(sa.delete(schema.idempotency).where(schema.idempotency.c.expires_at <= tx.now))
            forgotten = schema.tombstones.c.removed_at <= tx.now - TOMBSTONE_SECONDS
            tx.execute(sa.delete(schema.tombstones).where(forgotten))
            expired = (
                sa.select(schema.jobs.c.id)
                .where(schema.jobs.c.expires_at <= tx.now)
                .order_by(schema.jobs.c.expires_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            job_ids = tx.execute(expired).scalars().all()
            return remove(tx, job_ids) if job_ids else []

        return self._database.write("purge", work)

    def _unwanted(self, connection: sa.Connection, limit: int) -> Sequence[str]:
        """Jobs that should not go on, and that no worker is going to end."""
        now = connection.execute(sa.select(schema.database_clock())).scalar_one()
        jobs, steps = schema.jobs.c, schema.steps.c
        overdue = sa.select(jobs.id).where(jobs.finished_at.is_(None), jobs.deadline_at <= now).limit(limit)
        abandoned = (
            sa.select(jobs.id)
            .join(schema.steps, steps.job_id == jobs.id)
            .where(jobs.finished_at.is_(None), jobs.cancel_requested_at.is_not(None), steps.ring_at <= now)
            .limit(limit)
        )
        found = [*connection.execute(overdue).scalars(), *connection.execute(abandoned).scalars()]
        return list(dict.fromkeys(found))

    def _end(self, tx: Transaction, job_id: str) -> None:
        with held(tx, self._rules, job_id, wait=False) as job:
            if job is not None and job.is_canceled:
                job.cancel()
            elif job is not None and job.is_overdue:
                job.expire()


def _something_is_due(connection: sa.Connection) -> bool:
    now = connection.execute(sa.select(schema.database_clock())).scalar_one()
    ring_at = schema.steps.c.ring_at
    earliest = sa.select(ring_at).where(ring_at <= now).order_by(ring_at).limit(1)  # read from the index
    return connection.execute(earliest).first() is not None


def _ring(tx: Transaction, limit: int) -> Sequence[Doorbell]:
    """Put off the next reminder of the steps that are due for one, and return them."""
    steps = schema.steps.c
    due = tx.execute(
        sa.select(steps.job_id, steps.seq, steps.kind, steps.rings)
        .where(steps.ring_at <= tx.now)
        .order_by(steps.ring_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if due:
        tx.execute(
            sa.update(schema.steps)
            .where(steps.job_id == sa.bindparam("of_job"), steps.seq == sa.bindparam("of_seq"))
            .values(ring_at=sa.bindparam("again_at"), rings=steps.rings + 1),
            [
                {
                    "of_job": row.job_id,
                    "of_seq": row.seq,
                    "again_at": tx.now + min(FIRST_RING_SECONDS * 2**row.rings, LONGEST_RING_SECONDS),
                }
                for row in due
            ],
        )
    return [Doorbell(row.job_id, row.seq, StepKind(row.kind)) for row in due]
