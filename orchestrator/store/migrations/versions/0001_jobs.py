"""Jobs, their steps, events, costs and pictures."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    job_id = sa.String(26).with_variant(sa.String(26, collation="C"), "postgresql")

    op.create_table(
        "jobs",
        sa.Column("id", job_id, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("phase", sa.String(16)),
        sa.Column("iteration", sa.Integer, nullable=False),
        sa.Column("inputs", sa.JSON, nullable=False),
        sa.Column("result", sa.JSON),
        sa.Column("error", sa.JSON),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("last_event", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("finished_at", sa.Double),
        sa.Column("deadline_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("cancel_requested_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_status_id", "jobs", ["status", "id"])
    _partial_index("ix_jobs_open_deadline_at", "jobs", "deadline_at", "finished_at IS NULL")
    _partial_index(
        "ix_jobs_open_cancel_requested_at",
        "jobs",
        "cancel_requested_at",
        "finished_at IS NULL AND cancel_requested_at IS NOT NULL",
    )
    _partial_index("ix_jobs_expires_at", "jobs", "expires_at", "expires_at IS NOT NULL")

    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("job_id", job_id, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_expires_at", "idempotency", ["expires_at"])

    _table_of_job(
        "steps",
        job_id,
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("iteration", sa.Integer, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("result", sa.JSON),
        sa.Column("attempts_crash", sa.Integer, nullable=False),
        sa.Column("token", sa.String(32)),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("ring_at", sa.Double),
        sa.Column("rings", sa.Integer, nullable=False),
    )
    _partial_index("ix_steps_ring_at", "steps", "ring_at", "ring_at IS NOT NULL")

    _table_of_job(
        "events",
        job_id,
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    _table_of_job(
        "ledger",
        job_id,
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("agent", sa.String(16), nullable=False),
        sa.Column("run_seconds", sa.Double, nullable=False),
        sa.Column("backend_digest", sa.String(64), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    _table_of_job("artifacts", job_id, sa.Column("sha256", sa.String(64), nullable=False))
    op.create_index("ix_artifacts_sha256", "artifacts", ["sha256"])

    op.create_table(
        "tombstones",
        sa.Column("job_id", job_id, nullable=False),
        sa.Column("removed_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_tombstones"),
    )
    op.create_index("ix_tombstones_removed_at", "tombstones", ["removed_at"])


def downgrade() -> None:
    for table in ("tombstones", "artifacts", "ledger", "events", "steps", "idempotency", "jobs"):
        op.drop_table(table)


def _table_of_job(name: str, job_id: sa.String, *columns: sa.Column) -> None:
    """A table of rows that go when their job goes; its key is the job and the first column."""
    op.create_table(
        name,
        sa.Column("job_id", job_id, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("job_id", columns[0].name, name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=f"fk_{name}_job_id", ondelete="CASCADE"),
    )


def _partial_index(name: str, table: str, column: str, where: str) -> None:
    op.create_index(name, table, [column], postgresql_where=sa.text(where), sqlite_where=sa.text(where))
