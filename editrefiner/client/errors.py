"""What can a call to another process end in? The closed tree of a client's failures.

ClientError
    ServiceUnavailableError     it says: not now (503, 429); `retry_after_seconds` says when
    ServiceUnreachableError     there is no connection to it
        ConnectionLostError     there was one, and it broke before the answer
    ServiceFailedError          it failed (any other 5xx)
    DeadlineError               there was no answer in the time given
    RequestRejectedError        it will never take this request (4xx)
        RunCanceledError        somebody canceled the run that was asked for
    AnswerUnreadableError       it answered something that is not the answer
    PictureUnusableError        what was to be sent is no picture; nothing was sent
    RewardMissingError          an edit has no reward, and nothing may stand in its place
"""

from typing import ClassVar

from editrefiner.contracts import Problem, ProblemCode, ProblemError


class ClientError(ProblemError):
    """Root of what a client raises. `remote` is what the other side said; None when it said nothing."""

    code: ClassVar[ProblemCode] = ProblemCode.DEPENDENCY_UNAVAILABLE
    status: ClassVar[int] = 502

    def __init__(
        self, detail: str, *, remote: Problem | None = None, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(
            detail, errors=remote.errors if remote else (), retry_after_seconds=retry_after_seconds
        )
        self.remote = remote

    def problem(self, *, instance: str = "", request_id: str = "") -> Problem:
        """The problem of the other side where it stated one, else this failure."""
        if self.remote is None:
            return super().problem(instance=instance, request_id=request_id)
        return self.remote.model_copy(
            update={"instance": instance, "request_id": request_id or self.remote.request_id}
        )


class ServiceUnavailableError(ClientError):
    """Not now. `busy` is True when the service itself said so, False when something before it did."""

    status: ClassVar[int] = 503
    retryable: ClassVar[bool] = True

    @property
    def busy(self) -> bool:
        """Whether the service is alive and only cannot take this now: no sign of a crash."""
        return self.remote is not None


class ServiceUnreachableError(ClientError):
    """No connection came about: nothing was sent."""

    status: ClassVar[int] = 503
    retryable: ClassVar[bool] = True


class ConnectionLostError(ServiceUnreachableError):
    """The connection broke while the answer was awaited: the work may or may not have been done."""

    status: ClassVar[int] = 502


class ServiceFailedError(ClientError):
    """The service failed at this request."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED
    retryable: ClassVar[bool] = True


class DeadlineError(ClientError):
    """The time that was given is over."""

    code: ClassVar[ProblemCode] = ProblemCode.DEADLINE_EXCEEDED
    status: ClassVar[int] = 504
    retryable: ClassVar[bool] = True


class RequestRejectedError(ClientError):
    """The request is at fault; the same request is refused again."""

    code: ClassVar[ProblemCode] = ProblemCode.BAD_REQUEST
    status: ClassVar[int] = 400


class RunCanceledError(RequestRejectedError):
    """The run was canceled by somebody with the right to do so."""

    code: ClassVar[ProblemCode] = ProblemCode.CANCELED
    status: ClassVar[int] = 409


class AnswerUnreadableError(ClientError):
    """The answer is not of the form that was agreed on: the two sides are of different versions."""

    code: ClassVar[ProblemCode] = ProblemCode.INTERNAL_ERROR


class PictureUnusableError(ClientError):
    """What was to be sent is no picture."""

    code: ClassVar[ProblemCode] = ProblemCode.IMAGE_UNSUPPORTED
    status: ClassVar[int] = 415


class RewardMissingError(ClientError):
    """An edit could not be judged, and a training loop that takes numbers only asked for its reward."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED
