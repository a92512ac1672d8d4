"""How good is an edit by the published weights? Batches through one resident model, marks with intervals."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from editrefiner.contracts import (
    DIMENSIONS,
    BackendInfo,
    ProblemCode,
    ProblemError,
    WeightsFile,
    fingerprint,
)
from services.checkpoints import chosen_device, chosen_dtype, file_digests, is_weights
from services.evaluation.backends.calibration import Trust, Unmeasured, trust
from services.evaluation.backends.qwen3vl.head import last_states
from services.evaluation.backends.qwen3vl.loading import load
from services.evaluation.backends.qwen3vl.options import Qwen3VLOptions
from services.evaluation.backends.qwen3vl.question import encode, prompt
from services.evaluation.marks import Marks

VERSION = "1"  # raise it with every change of what the same weights answer
LICENCES = {"weights": "as its publisher states", "base": "Apache-2.0"}
ORIGINS = {
    "weights": "scores edits, in the layout of the EditRefiner release",
    "base": "Qwen3-VL-8B-Instruct, or what was given as such",
}
UNMEASURED = Unmeasured(
    7.8,
    "The publisher reports a correlation of 0.8842 between overall and mean opinion, which leaves "
    "sqrt(1 - 0.8842^2) = 0.467 of the spread of opinions unexplained. Opinions are z-scores times 100/6, so "
    "that this spread is at most 16.7 points and one standard error of a score, the decision margin, at most "
    "7.8. Whether these weights reach that correlation on your edits is not known.",
)


class NoScoreError(ProblemError):
    """The model answered with something that is no number."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


class Qwen3VLScorer:
    """See Scorer; several edits of one source go through the model together."""

    def __init__(self, options: Qwen3VLOptions) -> None:
        torch.set_num_threads(options.threads)
        self._options = options
        self._device = chosen_device(options.device)
        dtype = chosen_dtype(options.dtype, self._device)
        self._loaded = load(options, self._device, dtype)
        files = {place: file_digests(place) for place in self._loaded.directories}
        bare = fingerprint(
            {
                "backend": "qwen3vl",
                "version": VERSION,
                "weights": [files[place] for place in self._loaded.directories],
                "prompt": fingerprint(prompt("")),
                "positions": options.positions,
                "overall": options.overall,
                "dtype": str(dtype),
            }
        )
        self._trust = trust(options.calibration, bare, UNMEASURED)
        self.decision_margin = self._trust.decision_margin
        self.difference_spread = self._trust.difference_spread
        self.coverage = self._trust.coverage
        self.calibration_basis = self._trust.basis
        self.backend = _described(options, files, self._trust)

    def score(
        self,
        source: np.ndarray,
        edits: Sequence[np.ndarray],
        instruction: str,
        checkpoint: Callable[[], None],
    ) -> list[Marks]:
        """See Scorer; each edit is scored as if it came alone."""
        marks: list[Marks] = []
        try:
            for start in range(0, len(edits), self._options.batch):
                checkpoint()
                scores = self.scores(source, edits[start : start + self._options.batch], instruction)
                marks += [self._marks(row) for row in scores.tolist()]
        except torch.OutOfMemoryError as error:
            raise MemoryError from error
        return marks

    @torch.inference_mode()
    def scores(self, source: np.ndarray, edits: Sequence[np.ndarray], instruction: str) -> np.ndarray:
        """(N, 3) float32 in 0..100: quality, following and consistency of each edit, in one pass."""
        loaded = self._loaded
        questions = [encode(loaded.preprocessor, source, edited, instruction) for edited in edits]
        batch = loaded.preprocessor.collate(questions).to(self._device)
        found = loaded.head(last_states(loaded.backbone.run(batch), batch.lengths))
        if not bool(torch.isfinite(found).all()):
            raise NoScoreError("The scoring model answered with numbers that are none (NaN).")
        return found.cpu().numpy()

    def _marks(self, scores: Sequence[float]) -> Marks:
        return Marks(*map(self._trust.estimate, DIMENSIONS, scores), overall_kind=self._options.overall)


def _described(options: Qwen3VLOptions, files: dict[Path, dict[str, str]], trusted: Trust) -> BackendInfo:
    roles = {"weights": options.weights, "base": options.base}
    return BackendInfo(
        name="qwen3vl",
        version=VERSION,
        digest=trusted.digest,
        provisional=not trusted.measured,
        weights=tuple(
            WeightsFile(name=f"{role}/{name}", sha256=sha256, licence=LICENCES[role], origin=ORIGINS[role])
            for role, place in roles.items()
            for name, sha256 in files.get(place, {}).items()
            if is_weights(name)
        ),
    )
