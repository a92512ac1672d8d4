"""Which scorers are there? The one place that knows, with late imports."""

from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError
from services.evaluation.agent import Scorer
from services.evaluation.settings import Settings


class UnknownBackendError(ProblemError):
    """EVALUATION_BACKEND names no backend."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


class MissingLibraryError(ProblemError):
    """The backend needs a package that is not installed."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


def load_backend(settings: Settings) -> Scorer:
    """The scorer that the settings name."""
    match settings.backend:
        case "compact":
            from services.evaluation.backends.compact import CompactScorer  # noqa: PLC0415 — loads late

            return CompactScorer()
        case "qwen3vl":
            return _load_qwen3vl(settings)
        case other:
            raise UnknownBackendError(f"EVALUATION_BACKEND is {other!r}; the backends are: compact, qwen3vl.")


def _load_qwen3vl(settings: Settings) -> Scorer:
    try:
        from services.evaluation.backends.qwen3vl import (  # noqa: PLC0415 — model libraries load late
            Qwen3VLOptions,
            Qwen3VLScorer,
        )
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"EVALUATION_BACKEND is 'qwen3vl', which needs {error.name}: pip install 'editrefiner[gpu]'."
        ) from error
    return Qwen3VLScorer(
        Qwen3VLOptions(
            base=settings.qwen3vl_base,
            weights=settings.qwen3vl_weights,
            positions=settings.qwen3vl_positions,
            overall=settings.qwen3vl_overall,
            calibration=settings.qwen3vl_calibration,
            device=settings.qwen3vl_device,
            dtype=settings.qwen3vl_dtype,
            batch=settings.qwen3vl_batch,
            threads=settings.threads,
        )
    )
