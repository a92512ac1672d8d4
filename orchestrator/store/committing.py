"""How does the outcome of a step get into the store, exactly once?"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from editrefiner.contracts import Iteration, StepKind
from orchestrator.jobs import (
    Claim,
    CommittedStep,
    Doorbell,
    EventType,
    Finish,
    JobGoneError,
    JobInputs,
    JobNotFoundError,
    NewStep,
    StepStatus,
)
from orchestrator.loop import iterations, next_step
from orchestrator.store import schema
from orchestrator.store.database import Transaction
from orchestrator.store.held import HeldJob, add_once, add_pictures, committed_steps, held
from orchestrator.store.leases import fenced, lost, read_step
from orchestrator.store.part import StorePart
from orchestrator.store.reading import read_job
from orchestrator.store.rows import pictures_of


class Committing(StorePart):
    """Takes the answers of agents in."""

    def commit(
        self, claim: Claim, result: dict[str, Any], *, run_seconds: float, backend_digest: str
    ) -> Doorbell | None:
        """Write result, ledger, events and the next step (or the end) at once. None when the job is over."""
        # Committed steps never change, so what follows from them is worked out before anything is locked.
        following, finished_round = self._following(claim, result, run_seconds)

        def work(tx: Transaction) -> Doorbell | None:
            with held(tx, self._rules, claim.job_id) as job:
                if job is None or not fenced(
                    tx, self._rules, claim, status=StepStatus.DONE, result=result, ring_at=None
                ):
                    return _committed_before(tx, claim)
                add_once(
                    tx,
                    self._rules,
                    schema.ledger,
                    job_id=claim.job_id,
                    seq=claim.seq,
                    agent=claim.kind.agent,
                    run_seconds=run_seconds,
                    backend_digest=backend_digest,
                    at=tx.now,
                )
                add_pictures(tx, claim.job_id, pictures_of(result))
                upcoming = _upcoming(job, following)
                _note_progress(job, claim, run_seconds, upcoming, finished_round)
                if upcoming is None:
                    _end(job, following)
                    return None
                job.go_on(claim.seq + 1, upcoming)
                return Doorbell(claim.job_id, claim.seq + 1, upcoming.kind)

        return self._database.write("commit", work)

    def _following(
        self, claim: Claim, result: dict[str, Any], run_seconds: float
    ) -> tuple[NewStep | Finish, Iteration | None]:
        """What comes after the step, and the round that it completes."""

        def work(connection: sa.Connection) -> tuple[JobInputs, Sequence[CommittedStep]]:
            return read_job(connection, claim.job_id).inputs, committed_steps(connection, claim.job_id)

        try:
            inputs, steps = self._database.read(work)
        except (JobNotFoundError, JobGoneError) as exc:
            raise lost(claim) from exc
        this = CommittedStep(claim.seq, claim.kind, claim.iteration, claim.request, result, run_seconds)
        steps = [*(step for step in steps if step.seq < claim.seq), this]
        following = next_step(inputs, steps)
        goes_on = isinstance(following, NewStep) and following.iteration == claim.iteration
        rounds = () if goes_on else iterations(inputs, steps)
        return following, rounds[-1] if rounds else None


def _upcoming(job: HeldJob, following: NewStep | Finish) -> NewStep | None:
    """The step to go on with; None when the job ends here."""
    if isinstance(following, Finish) or job.is_canceled or job.is_overdue:
        return None
    return following


def _note_progress(
    job: HeldJob,
    claim: Claim,
    run_seconds: float,
    upcoming: NewStep | None,
    finished_round: Iteration | None,
) -> None:
    job.note(
        EventType.STEP_COMPLETED,
        seq=claim.seq,
        kind=claim.kind,
        agent=claim.kind.agent,
        iteration=claim.iteration,
        run_seconds=run_seconds,
        next=None if upcoming is None else upcoming.kind,
    )
    if finished_round is not None:
        accepted = finished_round.accepted
        job.note(
            EventType.ITERATION_COMPLETED,
            iteration=finished_round.number,
            accepted=accepted is not None,
            overall=None
            if accepted is None
            else finished_round.scores[finished_round.scored.index(accepted)].overall,
            decision=finished_round.decision,
        )


def _end(job: HeldJob, following: NewStep | Finish) -> None:
    """End a job for which no step comes. A cancel goes before success, success before the deadline."""
    if job.is_canceled:
        job.cancel()
    elif isinstance(following, Finish):
        job.succeed(following.result)
    else:
        job.expire()


def _committed_before(tx: Transaction, claim: Claim) -> Doorbell | None:
    """The answer of the commit of this very claim, repeated. LeaseLostError when there was none."""
    step = read_step(tx, claim.job_id, claim.seq)
    if step is None or step.status != StepStatus.DONE or step.token != claim.token:
        raise lost(claim)
    following = read_step(tx, claim.job_id, claim.seq + 1)
    if following is None or following.ring_at is None:
        return None
    return Doorbell(claim.job_id, claim.seq + 1, StepKind(following.kind))
