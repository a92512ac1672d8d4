"""What does a client see of a job?"""

from datetime import UTC, datetime

from editrefiner.contracts import Job, JobLinks, JobStatus, Progress, StepKind
from orchestrator.jobs import JobRecord

PHASES = (StepKind.PERCEIVE, StepKind.DIAGNOSE, StepKind.EDIT, StepKind.RANK)  # one round, in order


def job_path(job_id: str) -> str:
    """Where a job lives."""
    return f"/v1/jobs/{job_id}"


def view(record: JobRecord) -> Job:
    """The job as the API shows it."""
    path = job_path(record.id)
    return Job(
        id=record.id,
        status=record.status,
        instruction=record.inputs.instruction,
        source=record.inputs.source,
        edited=record.inputs.edited,
        parameters=record.inputs.parameters,
        progress=_progress(record),
        result=record.result,
        error=record.error,
        created_at=_moment(record.created_at),
        updated_at=_moment(record.updated_at),
        finished_at=_moment_or_none(record.finished_at),
        deadline_at=_moment(record.deadline_at),
        expires_at=_moment_or_none(record.expires_at),
        links=JobLinks(
            self=path,
            events=f"{path}/events",
            iterations=f"{path}/iterations",
            cancel=f"{path}/cancel",
            bundle=f"{path}/bundle",
            result=f"{path}/result" if record.result is not None else None,
        ),
    )


def _progress(record: JobRecord) -> Progress:
    rounds = record.inputs.parameters.max_iterations
    if record.status is JobStatus.SUCCEEDED:
        fraction = 1.0
    else:
        steps = PHASES.index(record.phase) if record.phase in PHASES else 0
        fraction = (max(record.iteration - 1, 0) + steps / len(PHASES)) / rounds
    return Progress(
        iteration=record.iteration,
        max_iterations=rounds,
        phase=record.phase,
        fraction=min(fraction, 1.0),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _moment_or_none(seconds: float | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)
