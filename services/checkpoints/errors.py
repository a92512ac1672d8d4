"""Why can weights not be used? Errors that name the file or device and what is wrong with it."""

from collections.abc import Callable
from typing import ClassVar, TypeVar

from editrefiner.contracts import ProblemCode, ProblemError

BuiltT = TypeVar("BuiltT")


class CheckpointError(ProblemError):
    """Weights are missing, damaged, without effect or made for another model."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


class DeviceError(ProblemError):
    """The settings name a device that is not there."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


def built(where: str, build: Callable[[], BuiltT]) -> BuiltT:
    """What a library makes of settings from a file; its refusals become ours."""
    try:
        return build()
    except Exception as error:  # libraries refuse nonsense with errors of many families
        raise CheckpointError(f"{where}: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """What an error says, without the tables that some libraries add."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
