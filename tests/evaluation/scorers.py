"""Scorers with a known flaw, and one without: every score follows from the pixels."""

from collections.abc import Callable, Sequence

import numpy as np

from editrefiner.contracts import BackendInfo, fingerprint
from services.evaluation.marks import Estimate, Marks


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 5, value + 5)


class PixelScorer:
    """Knows how much changed, how red or blue it became, and how dark it is. Passes every probe."""

    decision_margin = 2.0
    difference_spread = 1.0
    coverage = 0.9
    calibration_basis = "by definition"

    def __init__(self, name: str = "pixels") -> None:
        self.backend = BackendInfo(name=name, version="1", digest=fingerprint(name))
        self.runs = 0
        self.before_run: Callable[[], object] = lambda: None

    def score(
        self,
        source: np.ndarray,
        edits: Sequence[np.ndarray],
        instruction: str,
        checkpoint: Callable[[], None],
    ) -> Sequence[Marks]:
        found = []
        for edited in edits:
            checkpoint()
            self.before_run()
            self.runs += 1
            found.append(self.marks(source, edited, instruction))
        return found

    def marks(self, source: np.ndarray, edited: np.ndarray, instruction: str) -> Marks:
        change = np.abs(edited.astype(float) - _fitted(source, edited)).max(axis=2)
        bluer = -1 if "blue" in instruction else 1
        toward = bluer * (edited[..., 0].astype(float) - edited[..., 2])
        moved = toward - bluer * (_fitted(source, edited)[..., 0] - _fitted(source, edited)[..., 2])
        return Marks(
            perceptual_quality=estimate(float(edited.mean() / 2.55)),
            instruction_following=estimate(float(np.clip(20 + 2 * moved.mean(), 0, 100))),
            visual_consistency=estimate(float(100 * np.exp(-change.mean() / 20))),
        )


def _fitted(source: np.ndarray, edited: np.ndarray) -> np.ndarray:
    rows = np.arange(edited.shape[0]) * source.shape[0] // edited.shape[0]
    columns = np.arange(edited.shape[1]) * source.shape[1] // edited.shape[1]
    return source[rows][:, columns].astype(float)


class ConstantScorer(PixelScorer):
    def marks(self, source: np.ndarray, edited: np.ndarray, instruction: str) -> Marks:
        return Marks(*[estimate(50.0)] * 3)


class NaNScorer(PixelScorer):
    def marks(self, source: np.ndarray, edited: np.ndarray, instruction: str) -> Marks:
        return Marks(*[estimate(float("nan"))] * 3)


class SourceBlindScorer(PixelScorer):
    """Takes a fixed picture for the source."""

    def marks(self, source: np.ndarray, edited: np.ndarray, instruction: str) -> Marks:
        from services.evaluation.staged import table

        return super().marks(table(), edited, instruction)


class InstructionBlindScorer(PixelScorer):
    def marks(self, source: np.ndarray, edited: np.ndarray, instruction: str) -> Marks:
        return super().marks(source, edited, "red")


class GenerousScorer(PixelScorer):
    """Takes doing nothing for doing what was asked for."""

    def marks(self, source: np.ndarray, edited: np.ndarray, instruction: str) -> Marks:
        marks = super().marks(source, edited, instruction)
        if not np.array_equal(source, edited):
            return marks
        return Marks(marks.perceptual_quality, estimate(95.0), marks.visual_consistency)


class DarkBlindScorer(PixelScorer):
    """Finds a black picture as good as any."""

    def marks(self, source: np.ndarray, edited: np.ndarray, instruction: str) -> Marks:
        marks = super().marks(source, edited, instruction)
        if edited.any():
            return marks
        return Marks(estimate(100.0), marks.instruction_following, estimate(90.0))
