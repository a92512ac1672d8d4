"""Why is there no judgement? Set up wrongly, not to be reached, refused, or not to be read."""

from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError


class JudgeSetupError(ProblemError):
    """The settings cannot be used."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


class JudgeUnavailableError(ProblemError):
    """The server of the judge did not answer in time, or was busy each time it was asked."""

    code: ClassVar[ProblemCode] = ProblemCode.DEPENDENCY_UNAVAILABLE
    status: ClassVar[int] = 503
    retryable: ClassVar[bool] = True


class JudgeRefusedError(ProblemError):
    """The server refused the question itself: a wrong key, an unknown model, no pictures."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED
    status: ClassVar[int] = 502


class UnreadableJudgementError(ProblemError):
    """The judge said something that is no score, and again when it was asked once more."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED
    status: ClassVar[int] = 502
