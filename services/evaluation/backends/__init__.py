"""Which scorers are there? The one place that knows, with late imports."""

from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError
from services.evaluation.agent import Scorer
from services.evaluation.settings import Settings


class UnknownBackendError(ProblemError):
    """EVALUATION_BACKEND names no backend."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


def load_backend(settings: Settings) -> Scorer:
    """The scorer that the settings name."""
    match settings.backend:
        case "compact":
            from services.evaluation.backends.compact import CompactScorer  # noqa: PLC0415 — loads late

            return CompactScorer()
        case other:
            raise UnknownBackendError(f"EVALUATION_BACKEND is {other!r}; the backends are: compact.")
