"""Why does a service say no? The failures that the serving kit itself raises."""

from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError


class ValidationFailedError(ProblemError):
    """The request is understood as text and wrong as a request."""

    code: ClassVar[ProblemCode] = ProblemCode.VALIDATION_FAILED
    status: ClassVar[int] = 422


class BodyTooLargeError(ProblemError):
    """The body is longer than any acceptable request."""

    code: ClassVar[ProblemCode] = ProblemCode.BODY_TOO_LARGE
    status: ClassVar[int] = 413


class BodyTooSlowError(ProblemError):
    """The body stopped arriving, or took too long to come."""

    code: ClassVar[ProblemCode] = ProblemCode.BAD_REQUEST
    status: ClassVar[int] = 408
    retryable: ClassVar[bool] = True


class UnsupportedMediaTypeError(ProblemError):
    """The body is neither JSON nor a multipart form."""

    code: ClassVar[ProblemCode] = ProblemCode.UNSUPPORTED_MEDIA_TYPE
    status: ClassVar[int] = 415


class NotFoundError(ProblemError):
    """There is nothing of that name."""

    code: ClassVar[ProblemCode] = ProblemCode.NOT_FOUND
    status: ClassVar[int] = 404


class IdempotencyMismatchError(ProblemError):
    """The Idempotency-Key belongs to another request."""

    code: ClassVar[ProblemCode] = ProblemCode.IDEMPOTENCY_MISMATCH
    status: ClassVar[int] = 409


class AlreadyFinishedError(ProblemError):
    """What was to be canceled is over."""

    code: ClassVar[ProblemCode] = ProblemCode.ALREADY_FINISHED
    status: ClassVar[int] = 409


class CanceledError(ProblemError):
    """The run was canceled. Raised by `Run.checkpoint` in the lane and answered to who still waits."""

    code: ClassVar[ProblemCode] = ProblemCode.CANCELED
    status: ClassVar[int] = 409


class QueueFullError(ProblemError):
    """One more run would wait longer than is useful."""

    code: ClassVar[ProblemCode] = ProblemCode.QUEUE_FULL
    status: ClassVar[int] = 503
    retryable: ClassVar[bool] = True


class NotReadyError(ProblemError):
    """The service is loading, draining, or could not load."""

    code: ClassVar[ProblemCode] = ProblemCode.NOT_READY
    status: ClassVar[int] = 503
    retryable: ClassVar[bool] = True


class DeadlineExceededError(ProblemError):
    """The time that the caller gave has passed."""

    code: ClassVar[ProblemCode] = ProblemCode.DEADLINE_EXCEEDED
    status: ClassVar[int] = 504
    retryable: ClassVar[bool] = True


class MemoryExhaustedError(ProblemError):
    """The run needed more memory than there is. A backend says so by raising `MemoryError`."""

    code: ClassVar[ProblemCode] = ProblemCode.OUT_OF_MEMORY
    status: ClassVar[int] = 507
    retryable: ClassVar[bool] = True


class BackendFailedError(ProblemError):
    """The backend raised something nobody expected; the log has the traceback."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = True


class InternalError(ProblemError):
    """The service itself failed; the log has the traceback."""

    retryable: ClassVar[bool] = True
