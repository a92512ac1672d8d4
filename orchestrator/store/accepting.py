"""How is a job accepted, once, however often it is sent?"""

import sqlalchemy as sa

from editrefiner.contracts import JobStatus
from orchestrator.jobs import Created, EventType, Finish, IdempotencyMismatchError, JobInputs, NewStep
from orchestrator.loop import next_step
from orchestrator.store import schema
from orchestrator.store.database import Transaction
from orchestrator.store.held import add_event, add_pictures, add_step
from orchestrator.store.part import StorePart
from orchestrator.store.reading import read_job
from orchestrator.store.rows import INPUTS, pictures_of

IDEMPOTENCY_SECONDS = 24 * 3600.0  # a key means the same job for a day


class Accepting(StorePart):
    """Creates jobs."""

    def create(self, inputs: JobInputs, *, idempotency_key: str | None, body_sha256: str) -> Created:
        """Write job, step 0, event and idempotency row; answer the job there is when the key came before."""
        first = next_step(inputs, [])
        assert not isinstance(first, Finish), "a job without steps has its first step to do"
        job_id: str | None = None

        def work(tx: Transaction) -> Created:
            nonlocal job_id
            if job_id is not None and _exists(tx, job_id):  # an earlier try was committed unheard
                return Created(read_job(tx.connection, job_id), replayed=False)
            job_id = self._ids.new(tx.now)
            if idempotency_key is not None:
                known = _claim_key(tx, idempotency_key, body_sha256, job_id)
                if known is not None:
                    return Created(read_job(tx.connection, known), replayed=True)
            self._write(tx, job_id, inputs, first)
            return Created(read_job(tx.connection, job_id), replayed=False)

        return self._database.write("create", work)

    def _write(self, tx: Transaction, job_id: str, inputs: JobInputs, first: NewStep) -> None:
        document = INPUTS.dump_python(inputs, mode="json")
        tx.execute(
            sa.insert(schema.jobs).values(
                id=job_id,
                status=JobStatus.QUEUED,
                phase=first.kind,
                iteration=first.iteration,
                inputs=document,
                version=1,
                last_event=1,
                created_at=tx.now,
                updated_at=tx.now,
                deadline_at=tx.now + inputs.parameters.deadline_seconds,
            )
        )
        add_event(tx, job_id, 1, EventType.JOB_CREATED, {})
        add_pictures(tx, job_id, pictures_of(document))
        add_step(tx, self._rules, job_id, 0, first)


def _exists(tx: Transaction, job_id: str) -> bool:
    return tx.execute(sa.select(schema.jobs.c.id).where(schema.jobs.c.id == job_id)).one_or_none() is not None


def _claim_key(tx: Transaction, key: str, body_sha256: str, job_id: str) -> str | None:
    """The job that the key stands for already; None when it stands for `job_id` from now on."""
    table = schema.idempotency
    tx.execute(sa.delete(table).where(table.c.key == key, table.c.expires_at <= tx.now))
    until = tx.now + IDEMPOTENCY_SECONDS
    if tx.insert_new(table, {"key": key, "body_sha256": body_sha256, "job_id": job_id, "expires_at": until}):
        return None
    known = tx.execute(sa.select(table).where(table.c.key == key)).one()
    if known.body_sha256 != body_sha256:
        raise IdempotencyMismatchError(
            f"Idempotency-Key {key!r} came with another request within a day; send a new key"
        )
    return known.job_id
