"""Why does the EditHF scorer not score? Its limits are not acknowledged, or it has computed no number."""

from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError


class NotAcknowledgedError(ProblemError):
    """Nobody has said that the limits of this scorer are known."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


class NoScoreError(ProblemError):
    """The model computed something that is no number."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED
