"""Who may write about a step? Whoever holds its lease, and nobody else.

A claim is a lease with a token. Whatever a worker wants to write about its step is fenced: the row must still
carry that token and be leased, or nothing is written. A worker that was paused past its lease, cut off, or
taken for dead so learns that the step is no longer its own.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from orchestrator.jobs import Claim, LeaseLostError, StepStatus
from orchestrator.store import schema
from orchestrator.store.database import Transaction
from orchestrator.store.held import HeldJob, Rules, held


def fenced(tx: Transaction, rules: Rules, claim: Claim, **columns: Any) -> bool:  # Any: column values
    """Write to the step's row if the claim still holds it."""
    row = [schema.steps.c.job_id == claim.job_id, schema.steps.c.seq == claim.seq]
    if rules.fenced:
        row += [schema.steps.c.token == claim.token, schema.steps.c.status == StepStatus.LEASED]
    return tx.execute(sa.update(schema.steps).where(*row).values(**columns)).rowcount == 1


@contextlib.contextmanager
def held_by(tx: Transaction, rules: Rules, claim: Claim) -> Iterator[HeldJob]:
    """The job of a claim that still holds its step, which is then over unless given back."""
    with held(tx, rules, claim.job_id) as job:
        if job is None or not fenced(tx, rules, claim, token=None):
            raise lost(claim)
        yield job


def lost(claim: Claim) -> LeaseLostError:
    """The failure of a worker that no longer holds the step."""
    return LeaseLostError(
        f"step {claim.seq} ({claim.kind}) of job {claim.job_id} is held by this worker no more: "
        "its lease ran out, or the job ended; drop the result"
    )


def read_step(tx: Transaction, job_id: str, seq: int) -> sa.Row[Any] | None:
    """A step, locked."""
    return tx.execute(
        sa.select(schema.steps)
        .where(schema.steps.c.job_id == job_id, schema.steps.c.seq == seq)
        .with_for_update()
    ).one_or_none()
