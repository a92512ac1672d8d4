"""What a job and a step are inside the orchestrator, and what a store owes to both."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from editrefiner.contracts import (
    ImageRef,
    JobEvent,
    JobResult,
    JobStatus,
    Problem,
    ProblemCode,
    ProblemError,
    RefinementParameters,
    StepKind,
    StopReason,
)

CRASH_ATTEMPTS = 3  # a step that loses its worker or agent this often is poison: the job fails


class StepStatus(StrEnum):
    """A step waits, is held by one worker under a lease, or is over."""

    PENDING = "pending"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"


class EventType(StrEnum):
    """Everything that is written into a job's history."""

    JOB_CREATED = "job.created"
    JOB_STARTED = "job.started"
    STEP_COMPLETED = "step.completed"
    STEP_RETRIED = "step.retried"
    ITERATION_COMPLETED = "iteration.completed"
    JOB_CANCELING = "job.canceling"
    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELED = "job.canceled"
    JOB_EXPIRED = "job.expired"


class JobNotFoundError(ProblemError):
    """No job has this id."""

    code = ProblemCode.NOT_FOUND
    status = 404


class JobGoneError(ProblemError):
    """The job existed and was removed."""

    code = ProblemCode.GONE
    status = 410


class IdempotencyMismatchError(ProblemError):
    """The idempotency key was used before with another body."""

    code = ProblemCode.IDEMPOTENCY_MISMATCH
    status = 422


class AlreadyFinishedError(ProblemError):
    """The job is over and cannot be canceled any more."""

    code = ProblemCode.ALREADY_FINISHED
    status = 409


class NotFinishedError(ProblemError):
    """The job is not over and cannot be removed yet."""

    code = ProblemCode.NOT_FINISHED
    status = 409


class LeaseLostError(ProblemError):
    """The step is no longer this worker's: what it computed is discarded and nothing is written."""

    code = ProblemCode.CONFLICT
    status = 409


class StepAnswerError(ProblemError):
    """An agent's answer does not fit what it was asked: asking again gives the same answer."""

    code = ProblemCode.BACKEND_FAILED
    status = 502


class StoreUnavailableError(ProblemError):
    """The database cannot be reached or is too busy."""

    code = ProblemCode.DEPENDENCY_UNAVAILABLE
    status = 503
    retryable = True


@dataclass(frozen=True, slots=True)
class JobInputs:
    """What a job was created with; everything the loop knows beside committed steps."""

    source: ImageRef
    edited: ImageRef
    edited_alpha: ImageRef | None
    instruction: str
    parameters: RefinementParameters


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step that the loop wants next. `request` is the JSON body for the agent."""

    kind: StepKind
    iteration: int
    request: dict[str, Any]  # JSON object: validated by the agent's request model when built


@dataclass(frozen=True, slots=True)
class CommittedStep:
    """A finished step, as the loop sees it."""

    seq: int
    kind: StepKind
    iteration: int
    request: dict[str, Any]
    result: dict[str, Any]  # JSON object: the agent's answer
    run_seconds: float


@dataclass(frozen=True, slots=True)
class Finish:
    """The loop is over."""

    stop_reason: StopReason
    result: JobResult | None
    """None when not even the first score exists."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run one step until `lease_seconds` pass without a heartbeat."""

    job_id: str
    seq: int
    kind: StepKind
    iteration: int
    key: str
    """Step key, sent as Idempotency-Key."""
    request: dict[str, Any]
    token: str
    deadline_seconds: float
    """Time left to the job."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job row."""

    id: str
    status: JobStatus
    inputs: JobInputs
    phase: StepKind | None
    iteration: int
    result: JobResult | None
    error: Problem | None
    version: int
    """Raised by every change; the ETag."""
    created_at: float
    """All times are the database's clock, in seconds since the epoch."""
    updated_at: float
    finished_at: float | None
    deadline_at: float
    expires_at: float | None
    cancel_requested_at: float | None


@dataclass(frozen=True, slots=True)
class Created:
    """Answer of a create: the job, and whether an earlier create with the same key made it."""

    job: JobRecord
    replayed: bool


class LeaseState(StrEnum):
    """Answer of a heartbeat."""

    HELD = "held"
    LOST = "lost"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Doorbell:
    """A reminder that a step can be claimed. Losing it, or getting it ten times, changes nothing."""

    job_id: str
    seq: int
    kind: StepKind


class JobStore(Protocol):
    """The truth about jobs, for many threads and processes; any method may raise StoreUnavailableError."""

    def create(self, inputs: JobInputs, *, idempotency_key: str | None, body_sha256: str) -> Created:
        """Write job, step 0, event and idempotency row, or find the job that the key stands for already.

        IdempotencyMismatchError when it came with another body, JobGoneError when its job was removed.
        """
        ...

    def get(self, job_id: str) -> JobRecord:
        """JobNotFoundError when unknown, JobGoneError after its pictures were removed."""
        ...

    def page(
        self, *, status: JobStatus | None, created_after: float | None, limit: int, before: str | None
    ) -> Sequence[JobRecord]:
        """Newest first; `before` is the id of the last job of the page before (ids sort by creation)."""
        ...

    def steps(self, job_id: str) -> Sequence[CommittedStep]:
        """Committed steps in order."""
        ...

    def events(self, job_id: str, *, after: int, limit: int) -> Sequence[JobEvent]:
        """Events with seq > after."""
        ...

    def request_cancel(self, job_id: str) -> JobRecord:
        """A queued job ends at once, a running one turns `canceling`; AlreadyFinishedError when over."""
        ...

    def delete(self, job_id: str) -> Sequence[str]:
        """Remove a finished job (else NotFinishedError); it is gone from then on. Returns what purge does."""
        ...

    def claim(self, job_id: str, seq: int) -> Claim | None:
        """Lease a pending (and due) or abandoned step; None when there is nothing to do.

        To take over an abandoned step is a crash attempt. A job that should not go on is ended instead.
        """
        ...

    def heartbeat(self, claim: Claim) -> LeaseState:
        """Extend the lease."""
        ...

    def commit(
        self, claim: Claim, result: dict[str, Any], *, run_seconds: float, backend_digest: str
    ) -> Doorbell | None:
        """Write result, ledger, events and the next step or the end; None when the job is over. Repeatable.

        Fenced, as the next four are: LeaseLostError when the token is no longer the row's. StepAnswerError
        when the answer does not fit the request: the step is to be failed. Neither writes anything.
        """
        ...

    def release(self, claim: Claim, *, busy_for_seconds: float) -> None:
        """Give the step back without counting an attempt (agent busy): due again after that time."""
        ...

    def crash(self, claim: Claim, problem: Problem) -> None:
        """Count a crash attempt; retry later, or fail the job when there were too many."""
        ...

    def fail(self, claim: Claim, problem: Problem) -> None:
        """The step can never succeed: fail the job."""
        ...

    def abort(self, claim: Claim) -> None:
        """The worker saw the cancel: end the job as canceled."""
        ...

    def sweep(self, *, limit: int = 100) -> Sequence[Doorbell]:
        """End jobs past their deadline or canceled; steps to ring for, which count as rung from then on."""
        ...

    def purge(self, *, limit: int = 100) -> Sequence[str]:
        """Remove jobs past `expires_at`; returns artifacts (sha256) that no job refers to any more."""
        ...

    def counts(self) -> dict[str, int]:
        """Steps waiting or running per agent: `{agent}.pending`, `{agent}.leased`."""
        ...

    def ping(self) -> None:
        """Raise when the database cannot be reached."""
        ...

    def close(self) -> None:
        """Release connections."""
        ...
