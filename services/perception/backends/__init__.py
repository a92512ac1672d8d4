"""Which backends does the perception service have? The one place that knows, with late imports."""

from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError
from services.perception.agent import FlawDetector
from services.perception.settings import Settings


class UnknownBackendError(ProblemError):
    """PERCEPTION_BACKEND names no backend."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


def load_backend(settings: Settings) -> FlawDetector:
    """The backend that the settings name."""
    match settings.backend:
        case "compact":
            from services.perception.backends.compact import CompactDetector  # noqa: PLC0415 — loads late

            return CompactDetector(working_side=768)
        case other:
            raise UnknownBackendError(f"PERCEPTION_BACKEND is {other!r}; the backends are: compact.")
