"""How does a worker get a step, keep it, and give it back without an answer?"""

import secrets
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from editrefiner.contracts import JobStatus, Problem, ProblemCode, ProblemError, StepKind
from orchestrator.jobs import Claim, EventType, LeaseState, StepStatus
from orchestrator.store import schema
from orchestrator.store.database import Transaction
from orchestrator.store.held import HeldJob, held
from orchestrator.store.leases import fenced, held_by, read_step
from orchestrator.store.part import StorePart

CRASH_BACKOFF_SECONDS = 1.0  # doubled by every further crash


class AttemptsExhaustedError(ProblemError):
    """A step lost its worker or agent too often: whatever it does to them, it would do again."""

    code = ProblemCode.STEP_ATTEMPTS_EXHAUSTED
    status = 500


class Running(StorePart):
    """Hands steps out, and takes back those that came to nothing."""

    def claim(self, job_id: str, seq: int) -> Claim | None:
        """Lease a pending (and due) or abandoned step; None when there is nothing to do."""
        token = secrets.token_hex(16)

        def work(tx: Transaction) -> Claim | None:
            with held(tx, self._rules, job_id) as job:
                step = read_step(tx, job_id, seq) if job else None
                if job is None or step is None or not self._grant(tx, job, step, token):
                    return None
                return Claim(
                    job_id=job_id,
                    seq=seq,
                    kind=StepKind(step.kind),
                    iteration=step.iteration,
                    key=step.key,
                    request=step.request,
                    token=token,
                    deadline_seconds=job.record.deadline_at - tx.now,
                )

        return self._database.write("claim", work, outlives_power_cut=False)

    def heartbeat(self, claim: Claim) -> LeaseState:
        """Extend the lease."""

        def work(tx: Transaction) -> LeaseState:
            lease_end = tx.now + self._rules.lease_seconds
            if not fenced(tx, self._rules, claim, due_at=lease_end, ring_at=lease_end):
                return LeaseState.LOST
            query = sa.select(schema.jobs.c.cancel_requested_at).where(schema.jobs.c.id == claim.job_id)
            canceled = tx.execute(query).scalar_one() is not None
            return LeaseState.CANCEL if canceled else LeaseState.HELD

        return self._database.write("heartbeat", work, outlives_power_cut=False)

    def release(self, claim: Claim, *, busy_for_seconds: float) -> None:
        """Give the step back without counting an attempt: due again after that time."""
        self._give_up("release", claim, lambda tx, _: _wait(tx, claim, busy_for_seconds))

    def crash(self, claim: Claim, problem: Problem) -> None:
        """Count a crash attempt; retry later, or fail the job when there were too many."""

        def act(tx: Transaction, job: HeldJob) -> None:
            step = read_step(tx, claim.job_id, claim.seq)
            attempts = step.attempts_crash + 1 if step else 1
            if attempts >= self._rules.crash_attempts:
                job.fail(_exhausted(attempts, claim.seq, claim.kind, f"the last time: {problem.detail}"))
                return
            job.note(EventType.STEP_RETRIED, seq=claim.seq, attempt=attempts, code=problem.code)
            backoff = CRASH_BACKOFF_SECONDS * 2 ** (attempts - 1)
            _wait(tx, claim, backoff, attempts_crash=attempts)

        self._give_up("crash", claim, act)

    def fail(self, claim: Claim, problem: Problem) -> None:
        """The step can never succeed: fail the job."""
        self._give_up("fail", claim, lambda _, job: job.fail(problem))

    def abort(self, claim: Claim) -> None:
        """The worker saw the cancel: end the job as canceled."""
        self._give_up("abort", claim, lambda _, job: job.cancel())

    def _give_up(self, operation: str, claim: Claim, act: Callable[[Transaction, HeldJob], None]) -> None:
        """End a claim that brought no answer; a canceled job ends with it, whatever the reason was."""

        def work(tx: Transaction) -> None:
            with held_by(tx, self._rules, claim) as job:
                if job.is_canceled:
                    job.cancel()
                else:
                    act(tx, job)

        self._database.write(operation, work)

    def _grant(self, tx: Transaction, job: HeldJob, step: sa.Row[Any], token: str) -> bool:
        """Lease the step, unless it is not due, or its job should not go on: that one is ended."""
        if step.ring_at is None:
            return False
        if step.token == token:  # an earlier try was committed unheard
            return True
        if step.due_at > tx.now:
            return False
        attempts = step.attempts_crash + (step.status == StepStatus.LEASED)
        if job.is_canceled:
            job.cancel()
        elif job.is_overdue:
            job.expire()
        elif attempts >= self._rules.crash_attempts:
            job.fail(_exhausted(attempts, step.seq, step.kind, "the worker that ran it did not come back"))
        else:
            if job.record.status is JobStatus.QUEUED:
                job.start()
            lease_end = tx.now + self._rules.lease_seconds
            tx.execute(
                sa.update(schema.steps)
                .where(schema.steps.c.job_id == step.job_id, schema.steps.c.seq == step.seq)
                .values(
                    status=StepStatus.LEASED,
                    token=token,
                    due_at=lease_end,
                    ring_at=lease_end,
                    rings=0,
                    attempts_crash=attempts,
                )
            )
            return True
        return False


def _wait(tx: Transaction, claim: Claim, seconds: float, **columns: Any) -> None:  # Any: column values
    """Make the step pending again, to be claimed after so long."""
    due_at = tx.now + seconds
    tx.execute(
        sa.update(schema.steps)
        .where(schema.steps.c.job_id == claim.job_id, schema.steps.c.seq == claim.seq)
        .values(status=StepStatus.PENDING, due_at=due_at, ring_at=due_at, rings=0, **columns)
    )


def _exhausted(attempts: int, seq: int, kind: str, what: str) -> Problem:
    return AttemptsExhaustedError(
        f"step {seq} ({kind}) ended its worker or agent {attempts} times; {what}"
    ).problem()
