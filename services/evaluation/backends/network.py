"""How is the trained scorer run? ONNX Runtime on weights that are checked against their digest."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from editrefiner.contracts import WeightsFile
from services.evaluation.backends.evidence import Evidence
from services.shipped import pinned, session

WEIGHTS = Path(__file__).with_name("weights")
ORIGIN = "training/compact_scorer on EfficientNet-Lite0 (ImageNet weights, Apache-2.0)"


class Calibration(BaseModel):
    """What was measured on edits of photographs that were not trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    coverage: float
    """Share of edits whose scores lie within their intervals."""
    widths: tuple[float, float, float]
    """Half width of an interval in units of the network's own spread."""
    familiar: float
    """Novelty up to which an interval is not widened."""
    decision_margin: float
    """Gain of `overall` that 10 % of vain attempts exceed while no score falls by more than is tolerated."""
    difference_spread: float
    """Standard deviation of the error of such a difference."""


@dataclass(frozen=True)
class Judged:
    """Three scores and how far each may be off."""

    scores: np.ndarray
    """(3,) on 0..100: quality, following, consistency."""
    half_widths: np.ndarray
    """(3,) points."""


class ScoreNetwork:
    """Evidence in, scores with intervals out."""

    def __init__(self, threads: int = 1, folder: Path = WEIGHTS) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        ((name, self.digest),) = manifest["sha256"].items()
        self.calibration = Calibration.model_validate(manifest["calibration"])
        self.files = (WeightsFile(name=name, sha256=self.digest, licence="Apache-2.0", origin=ORIGIN),)
        self._session = session(pinned(folder / name, self.digest), threads)

    def judge(self, seen: Evidence) -> Judged:
        """Scores of one edit."""
        pictures = [p.transpose(2, 0, 1)[None].astype(np.float32) for p in (seen.edited, seen.source)]
        inputs = {
            "edited": pictures[0],
            "source": pictures[1],
            "planes": seen.planes[None],
            "whole": seen.whole[None],
        }
        found = self._session.run(["scores", "spread", "novelty"], inputs)
        scores, spread, novelty = (np.asarray(each, np.float64)[0] for each in found)
        strange = max(1.0, float(novelty) / self.calibration.familiar)
        return Judged(scores, spread * strange * np.array(self.calibration.widths))
