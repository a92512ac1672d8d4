"""Why can the EditHF scorer not be used? Errors that name the file or setting, and the fault."""

from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError


class CheckpointError(ProblemError):
    """Weights or their calibration are missing, damaged, without effect or made for another model."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


class SettingError(ProblemError):
    """The settings ask for what is not there."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


class NotAcknowledgedError(ProblemError):
    """Nobody has said that the limits of this scorer are known."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


class NoScoreError(ProblemError):
    """The model computed something that is no number."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED
