"""What went wrong, in one form everywhere: RFC 9457 problem details with a closed list of codes."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from editrefiner.contracts.base import WireModel

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPE_BASE = "https://editrefiner.dev/problems/"


class ProblemCode(StrEnum):
    """Every reason for which a process of the suite says no."""

    BAD_REQUEST = "bad_request"
    VALIDATION_FAILED = "validation_failed"
    IMAGE_UNREADABLE = "image_unreadable"
    IMAGE_TOO_LARGE = "image_too_large"
    IMAGE_UNSUPPORTED = "image_unsupported"
    IMAGE_ANIMATED = "image_animated"
    IMAGES_MISMATCHED = "images_mismatched"
    ARTIFACT_NOT_FOUND = "artifact_not_found"
    ARTIFACT_CORRUPT = "artifact_corrupt"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    GONE = "gone"
    CONFLICT = "conflict"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress"
    ALREADY_FINISHED = "already_finished"
    NOT_FINISHED = "not_finished"
    QUEUE_FULL = "queue_full"
    NOT_READY = "not_ready"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    CANCELED = "canceled"
    OUT_OF_MEMORY = "out_of_memory"
    BACKEND_FAILED = "backend_failed"
    DEPENDENCY_UNAVAILABLE = "dependency_unavailable"
    STEP_ATTEMPTS_EXHAUSTED = "step_attempts_exhausted"
    INTERNAL_ERROR = "internal_error"


class FieldError(WireModel):
    """One thing that is wrong with one field."""

    field: str
    """Where: a dotted path such as `body.regions.0.bbox`."""
    message: str
    """What is wrong and how to mend it."""


class Problem(WireModel):
    """Body of every answer that is not a success."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": PROBLEM_TYPE_BASE + "image_too_large",
                    "title": "Image too large",
                    "status": 413,
                    "code": "image_too_large",
                    "detail": "edited is 21000x21000 pixels; the limit is 40000000. Send a smaller picture.",
                    "instance": "/v1/perceive",
                    "retryable": False,
                    "request_id": "01J9ZK8T3V",
                }
            ]
        }
    )

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    code: ProblemCode
    detail: str
    """What is wrong, where, and how to mend it."""
    instance: str = ""
    errors: tuple[FieldError, ...] = ()
    retryable: bool = False
    request_id: str = ""


class ProblemError(Exception):
    """Root of every expected failure; a subclass fixes the code, the status and whether a retry can help."""

    code: ClassVar[ProblemCode] = ProblemCode.INTERNAL_ERROR
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self, detail: str, *, errors: tuple[FieldError, ...] = (), retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds

    def problem(self, *, instance: str = "", request_id: str = "") -> Problem:
        """The wire form of this failure."""
        return Problem(
            type=PROBLEM_TYPE_BASE + self.code,
            title=self.code.replace("_", " ").capitalize(),
            status=self.status,
            code=self.code,
            detail=self.detail,
            instance=instance,
            errors=self.errors,
            retryable=self.retryable,
            request_id=request_id,
        )
