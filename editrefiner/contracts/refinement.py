"""A refinement job: its parameters, its rounds and its end."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, field_validator

from editrefiner.contracts.action import EditResult
from editrefiner.contracts.base import Instruction, RequestModel, Seed, Timestamp, UnitInterval, WireModel
from editrefiner.contracts.evaluation import Scores
from editrefiner.contracts.images import ImageInput, ImageRef
from editrefiner.contracts.perception import Perception
from editrefiner.contracts.problems import Problem
from editrefiner.contracts.reasoning import Diagnosis


class JobStatus(StrEnum):
    """`queued` -> `running` -> one of four ends, with `canceling` between a request to cancel and its end."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELING = "canceling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def is_terminal(self) -> bool:
        """Whether the job can still change."""
        return self in {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.EXPIRED}


class StopReason(StrEnum):
    """Why the loop ended."""

    NO_FLAWS = "no_flaws"
    TARGET_REACHED = "target_reached"
    NO_IMPROVEMENT = "no_improvement"
    MAX_ITERATIONS = "max_iterations"
    DEADLINE = "deadline"
    BUDGET = "budget"
    CANCELED = "canceled"
    FAILED = "failed"


class StepKind(StrEnum):
    """One call of one agent."""

    SCORE = "score"
    PERCEIVE = "perceive"
    DIAGNOSE = "diagnose"
    EDIT = "edit"
    RANK = "rank"

    @property
    def agent(self) -> str:
        """Name of the service that runs it."""
        return {
            StepKind.SCORE: "evaluation",
            StepKind.PERCEIVE: "perception",
            StepKind.DIAGNOSE: "reasoning",
            StepKind.EDIT: "action",
            StepKind.RANK: "evaluation",
        }[self]


class _Numbers(RequestModel):
    """Fields that are numbers; a number as text is read as one."""

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, given: object) -> object:
        if isinstance(given, bool):
            raise ValueError(f"must be a number, not {str(given).lower()}")  # noqa: TRY004 -- pydantic's way
        return given


class Tolerance(_Numbers):
    """How far a single score may fall in a round that is accepted for its overall gain."""

    perceptual_quality: Annotated[float, Field(ge=0, le=100)] = 2.0
    instruction_following: Annotated[float, Field(ge=0, le=100)] = 3.0
    visual_consistency: Annotated[float, Field(ge=0, le=100)] = 2.0


class RefinementParameters(_Numbers):
    """How a job is run. The defaults are what most users want."""

    max_iterations: Annotated[int, Field(ge=1, le=4)] = 4
    target_score: Annotated[float, Field(gt=0, le=100)] | None = None
    """Stop once the best overall score is at least this; None = go on while rounds improve."""
    patience: Annotated[int, Field(ge=1, le=4)] = 2
    """Rejected rounds in a row after which the loop gives up."""
    candidates: Annotated[int, Field(ge=1, le=8)] = 3
    max_regions: Annotated[int, Field(ge=1, le=64)] = 8
    tolerance: Tolerance = Tolerance()
    seed: Seed = 0
    deadline_seconds: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    """Wall time from acceptance to `expired`."""
    budget_seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Agent compute time after which no further round starts; None = no bound."""


class JobRequest(RequestModel):
    """Body of `POST /v1/jobs`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "data:image/png;base64,iVBORw0KGgo=",
                    "edited": "sha256:" + "2b" * 32,
                    "instruction": "Make the car red",
                    "parameters": {"max_iterations": 4},
                }
            ]
        }
    )

    source: ImageInput
    edited: ImageInput
    instruction: Instruction
    parameters: RefinementParameters = RefinementParameters()


class Iteration(WireModel):
    """One round: what was seen, what it was taken for, what was tried, and what was kept."""

    number: Annotated[int, Field(ge=1)]
    base: ImageRef
    """The picture this round tried to improve."""
    perception: Perception | None = None
    diagnosis: Diagnosis | None = None
    edit: EditResult | None = None
    scores: tuple[Scores, ...] = ()
    """One per candidate that was scored."""
    scored: tuple[int, ...] = ()
    """Indices into `edit.candidates`, in the order of `scores`: a candidate that breaks protection is not."""
    accepted: int | None = None
    """Index into `edit.candidates` of the new best; None = the round was rejected or is under way."""
    decision: str = ""
    """Why, in one sentence."""
    agent_seconds: dict[str, float] = Field(default_factory=dict)
    """Compute time by agent."""


class JobResult(WireModel):
    """The best picture found, which may be the one given."""

    image: ImageRef
    masks: tuple[ImageRef, ...] = ()
    """Masks of the accepted rounds in order; what lies outside all of them is as it was given."""
    scores_before: Scores
    scores_after: Scores
    improved: bool
    converged: bool
    """Whether the loop ended because nothing was left to do (`no_flaws` or `target_reached`)."""
    stop_reason: StopReason
    iterations: int
    """Rounds begun, the last one included when it found nothing to repair."""
    agent_seconds: dict[str, float] = Field(default_factory=dict)


class Progress(WireModel):
    """How far a job is; best effort."""

    iteration: int = 0
    max_iterations: int = 4
    phase: StepKind | None = None
    fraction: UnitInterval = 0.0


class JobLinks(WireModel):
    """Absolute paths of what belongs to a job."""

    self: str
    events: str
    iterations: str
    cancel: str
    bundle: str
    result: str | None = None


class Job(WireModel):
    """A refinement job as the API shows it."""

    id: str
    status: JobStatus
    instruction: str
    source: ImageRef
    edited: ImageRef
    parameters: RefinementParameters
    progress: Progress
    result: JobResult | None = None
    error: Problem | None = None
    created_at: Timestamp
    updated_at: Timestamp
    finished_at: Timestamp | None = None
    deadline_at: Timestamp
    expires_at: Timestamp | None = None
    """When the job and its pictures are removed; None while it is not finished."""
    links: JobLinks


class JobPage(WireModel):
    """A page of jobs, newest first."""

    items: tuple[Job, ...]
    next_cursor: str | None = None


class JobEvent(WireModel):
    """Something that happened to a job; `seq` numbers them without gaps from 1."""

    seq: Annotated[int, Field(ge=1)]
    type: str
    """`job.created`, `step.completed`, `iteration.completed`, `job.succeeded`, ..."""
    at: Timestamp
    detail: dict[str, str | int | float | bool | None] = Field(default_factory=dict)


class EventPage(WireModel):
    """Events after the one asked for, oldest first."""

    items: tuple[JobEvent, ...]
    is_final: bool
    """Whether the job is over and nothing follows the last item."""
