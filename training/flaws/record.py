"""What is known of one made pair? Source, ideal and flawed edit, maps, flaws and nominal scores."""

from dataclasses import dataclass, field

import numpy as np

from editrefiner.contracts import EditKind
from training.flaws.scene import Flaw
from training.flaws.scores import NominalScores


@dataclass(frozen=True)
class FlawRecord:
    """An instructed edit with known truth; every picture and map has one size."""

    source: np.ndarray
    """(H, W, 3) uint8 RGB."""
    ideal: np.ndarray
    """(H, W, 3) uint8: the requested change and nothing else, in the frame of the source."""
    edited: np.ndarray
    """(H, W, 3) uint8: with the flaws, and rendered anew as editors do."""
    instruction: str
    kind: EditKind
    intended: np.ndarray = field(repr=False)
    """(H, W) bool, in the frame of `edited`: where the requested change is."""
    flaws: tuple[Flaw, ...]
    """Masks and boxes in the frame of `edited`; empty for a flawless edit."""
    artifact_map: np.ndarray = field(repr=False)
    """(H, W) float32 in [0, 1] (EditRefiner paper, 3.2.1)."""
    failure_map: np.ndarray = field(repr=False)
    scores: NominalScores
    rendering: str
    """What happened to the whole frame that is no flaw."""
    edit: str
    """Which maker made the ideal edit; `identity` where nothing was done."""
    origin: str
    """The photograph: folder and file name."""
    seed: tuple[int, int]
    """Stream seed and index: makes the same record again."""
