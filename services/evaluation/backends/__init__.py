"""Which scorers are there? The one place that knows, with late imports."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError
from services.evaluation.marks import Scorer
from services.evaluation.settings import Settings


class UnknownBackendError(ProblemError):
    """EVALUATION_BACKEND names no backend."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


class MissingLibraryError(ProblemError):
    """The backend needs a library that is not installed."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


def load_backend(settings: Settings) -> Scorer:
    """The scorer that the settings name."""
    match settings.backend:
        case "compact":
            from services.evaluation.backends.compact import CompactScorer  # noqa: PLC0415 — loads late

            return CompactScorer()
        case "qwen3vl":
            return _load_qwen3vl(settings)
        case "internvl":
            return _load_internvl(settings)
        case "judge":
            return _load_judge(settings)
        case other:
            raise UnknownBackendError(
                f"EVALUATION_BACKEND is {other!r}; the backends are: compact, qwen3vl, internvl, judge."
            )


def _load_qwen3vl(settings: Settings) -> Scorer:
    with _model_libraries("qwen3vl"):
        from services.evaluation.backends.qwen3vl import (  # noqa: PLC0415 — model libraries load late
            Qwen3VLOptions,
            Qwen3VLScorer,
        )
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


def _load_internvl(settings: Settings) -> Scorer:
    with _model_libraries("internvl"):
        from services.evaluation.backends.internvl import (  # noqa: PLC0415 — model libraries load late
            InternVLOptions,
            InternVLScorer,
        )
    return InternVLScorer(
        InternVLOptions(
            base=settings.internvl_base,
            visual=settings.internvl_visual,
            alignment=settings.internvl_alignment,
            preservation=settings.internvl_preservation,
            acknowledged=settings.internvl_acknowledged,
            calibration=settings.internvl_calibration,
            device=settings.internvl_device,
            dtype=settings.internvl_dtype,
            threads=settings.threads,
        )
    )


def _load_judge(settings: Settings) -> Scorer:
    from services.evaluation.backends.judge import JudgeOptions, JudgeScorer  # noqa: PLC0415 — loads late

    return JudgeScorer(
        JudgeOptions(
            base_url=settings.judge_url or "",
            model=settings.judge_model or "",
            api_key=settings.judge_api_key.get_secret_value() if settings.judge_api_key else "",
            reading=settings.judge_reading,
            samples=settings.judge_samples,
            seed=settings.judge_seed,
            timeout_seconds=settings.judge_timeout_seconds,
            retries=settings.judge_retries,
            concurrency=settings.judge_concurrency,
            max_side=settings.judge_max_side,
            calibration=settings.judge_calibration,
        )
    )


@contextmanager
def _model_libraries(backend: str) -> Iterator[None]:
    """Say which library a backend lacks, and how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"EVALUATION_BACKEND is {backend!r}, which needs {error.name}: pip install 'editrefiner[gpu]'."
        ) from error
