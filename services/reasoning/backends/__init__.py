"""Which diagnosticians are there? The one place that knows, with late imports."""

from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError
from services.reasoning.agent import Diagnostician
from services.reasoning.settings import Settings


class UnknownBackendError(ProblemError):
    """REASONING_BACKEND names no backend."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


def load_backend(settings: Settings) -> Diagnostician:
    """The diagnostician that the settings name."""
    match settings.backend:
        case "compact":
            from services.reasoning.backends.compact import CompactDiagnostician  # noqa: PLC0415 — loads late

            return CompactDiagnostician()
        case other:
            raise UnknownBackendError(f"REASONING_BACKEND is {other!r}; the backends are: compact.")
