"""Why can a checkpoint not be used? One error, which names the file and what is wrong with it."""

from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError


class CheckpointError(ProblemError):
    """Weights are missing, damaged or made for another model."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED
