"""Which tables hold jobs? One schema for SQLite and PostgreSQL; `migrations` creates it.

The doorbell outbox is `steps.ring_at`: the time from which the sweeper rings for a step. It is set in the
transaction that makes the step ready, so the reminder is as durable as the step, and it is moved, never
removed, until the step is over. A table of its own would give the same guarantee for two more writes a step.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# Ids are compared byte by byte everywhere, so that "later" means the same to every database.
JobId = sa.String(26).with_variant(sa.String(26, collation="C"), "postgresql")
Document = sa.JSON(none_as_null=True)
Seconds = sa.Double  # since the epoch, by the database's clock


class database_clock(FunctionElement[float]):  # noqa: N801 -- reads as the SQL function it is
    """Seconds since the epoch by the database's own clock: the one clock that every process agrees on."""

    type = sa.Double()
    inherit_cache = True


@compiles(database_clock, "postgresql")
def _clock_of_postgresql(*_: Any, **__: Any) -> str:  # Any: the compiler's own arguments, unused
    return "extract(epoch from statement_timestamp())::double precision"


@compiles(database_clock, "sqlite")
def _clock_of_sqlite(*_: Any, **__: Any) -> str:  # Any: as above
    return "((julianday('now') - 2440587.5) * 86400.0)"


def _job_id(**options: Any) -> "sa.Column[str]":  # Any: options of sqlalchemy.Column
    return sa.Column(
        "job_id", JobId, sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, **options
    )


jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", JobId, primary_key=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("phase", sa.String(16)),
    sa.Column("iteration", sa.Integer, nullable=False),
    sa.Column("inputs", Document, nullable=False),
    sa.Column("result", Document),
    sa.Column("error", Document),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("last_event", sa.Integer, nullable=False),
    sa.Column("created_at", Seconds, nullable=False),
    sa.Column("updated_at", Seconds, nullable=False),
    sa.Column("finished_at", Seconds),
    sa.Column("deadline_at", Seconds, nullable=False),
    sa.Column("expires_at", Seconds),
    sa.Column("cancel_requested_at", Seconds),
    sa.Index(None, "status", "id"),
    # The three that a sweep reads cover only the jobs it may have to touch.
    sa.Index(
        "ix_jobs_open_deadline_at",
        "deadline_at",
        postgresql_where=sa.text("finished_at IS NULL"),
        sqlite_where=sa.text("finished_at IS NULL"),
    ),
    sa.Index(
        "ix_jobs_open_cancel_requested_at",
        "cancel_requested_at",
        postgresql_where=sa.text("finished_at IS NULL AND cancel_requested_at IS NOT NULL"),
        sqlite_where=sa.text("finished_at IS NULL AND cancel_requested_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_jobs_expires_at",
        "expires_at",
        postgresql_where=sa.text("expires_at IS NOT NULL"),
        sqlite_where=sa.text("expires_at IS NOT NULL"),
    ),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("body_sha256", sa.String(64), nullable=False),
    sa.Column("job_id", JobId, nullable=False),  # outlives the job: a late repetition must not start it anew
    sa.Column("expires_at", Seconds, nullable=False),
    sa.Index(None, "expires_at"),
)

steps = sa.Table(
    "steps",
    metadata,
    _job_id(),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("iteration", sa.Integer, nullable=False),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("request", Document, nullable=False),
    sa.Column("result", Document),
    sa.Column("attempts_crash", sa.Integer, nullable=False),
    sa.Column("token", sa.String(32)),  # of the claim that holds the step, or that finished it
    sa.Column(
        "due_at", Seconds, nullable=False
    ),  # can be claimed from then on: when pending, or its lease ends
    sa.Column("ring_at", Seconds),  # the sweeper rings from then on; NULL = the step is over
    sa.Column("rings", sa.Integer, nullable=False),
    sa.Index(
        "ix_steps_ring_at",
        "ring_at",
        postgresql_where=sa.text("ring_at IS NOT NULL"),
        sqlite_where=sa.text("ring_at IS NOT NULL"),
    ),
)

events = sa.Table(
    "events",
    metadata,
    _job_id(),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("at", Seconds, nullable=False),
    sa.Column("detail", Document, nullable=False),
)

ledger = sa.Table(  # what each committed step cost; its key is why no step is paid for twice
    "ledger",
    metadata,
    _job_id(),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("agent", sa.String(16), nullable=False),
    sa.Column("run_seconds", Seconds, nullable=False),
    sa.Column("backend_digest", sa.String(64), nullable=False),
    sa.Column("at", Seconds, nullable=False),
)

artifacts = sa.Table(  # which pictures a job refers to
    "artifacts",
    metadata,
    _job_id(),
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Index(None, "sha256"),
)

tombstones = sa.Table(  # jobs that were removed
    "tombstones",
    metadata,
    sa.Column("job_id", JobId, primary_key=True),
    sa.Column("removed_at", Seconds, nullable=False),
    sa.Index(None, "removed_at"),
)
