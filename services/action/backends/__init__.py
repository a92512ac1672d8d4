"""Which backends does the action service have? The one place that knows, with late imports."""

from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError
from services.action.agent import Editor
from services.action.settings import Settings


class UnknownBackendError(ProblemError):
    """ACTION_BACKEND names no backend."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


def load_backend(settings: Settings) -> Editor:
    """The backend that the settings name."""
    match settings.backend:
        case "compact":
            from services.action.backends.compact import CompactEditor  # noqa: PLC0415 — loads late

            return CompactEditor()
        case other:
            raise UnknownBackendError(f"ACTION_BACKEND is {other!r}; the backends are: compact.")
