"""Which backends does the perception service have? The one place that knows, with late imports."""

from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError
from services.perception.agent import FlawDetector
from services.perception.settings import Settings


class UnknownBackendError(ProblemError):
    """PERCEPTION_BACKEND names no backend."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


class MissingLibraryError(ProblemError):
    """The backend needs a package that is not installed."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


def load_backend(settings: Settings) -> FlawDetector:
    """The backend that the settings name."""
    match settings.backend:
        case "compact":
            from services.perception.backends.compact import CompactDetector  # noqa: PLC0415 — loads late

            return CompactDetector(settings.threads)
        case "qwen3vl":
            return _load_qwen3vl(settings)
        case other:
            raise UnknownBackendError(f"PERCEPTION_BACKEND is {other!r}; the backends are: compact, qwen3vl.")


def _load_qwen3vl(settings: Settings) -> FlawDetector:
    try:
        from services.perception.backends.qwen3vl import (  # noqa: PLC0415 — model libraries load late
            Qwen3VLDetector,
            Qwen3VLOptions,
        )
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"PERCEPTION_BACKEND is 'qwen3vl', which needs {error.name}: pip install 'editrefiner[gpu]'."
        ) from error
    return Qwen3VLDetector(
        Qwen3VLOptions(
            base=settings.qwen3vl_base,
            artifact_weights=settings.qwen3vl_artifact,
            failure_weights=settings.qwen3vl_failure,
            positions=settings.qwen3vl_positions,
            layer=settings.qwen3vl_layer,
            min_max=settings.qwen3vl_min_max,
            artifact_threshold=settings.qwen3vl_artifact_threshold,
            failure_threshold=settings.qwen3vl_failure_threshold,
            device=settings.qwen3vl_device,
            dtype=settings.qwen3vl_dtype,
            batch=settings.max_batch,
            threads=settings.threads,
        )
    )
