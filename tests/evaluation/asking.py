"""How a test asks: pictures in, scores out, by the agent and its compact scorer."""

import numpy as np

from editrefiner.contracts import ImageRef, Ranking, RankRequest, Scores
from services.evaluation.agent import EvaluationAgent, Scorer
from services.evaluation.backends import load_backend
from services.evaluation.settings import Settings


class Shelf:
    """Pictures in memory."""

    def __init__(self) -> None:
        self._kept: list[np.ndarray] = []

    def put(self, pixels: np.ndarray) -> ImageRef:
        self._kept.append(pixels)
        return ImageRef(sha256=f"{len(self._kept) - 1:064x}", width=pixels.shape[1], height=pixels.shape[0])

    def pixels(self, ref: ImageRef | str) -> np.ndarray:
        return self._kept[int(ref.sha256 if isinstance(ref, ImageRef) else ref, 16)]


def ranking(
    source: np.ndarray, candidates: list[np.ndarray], instruction: str, scorer: Scorer | None = None
) -> Ranking:
    """The agent's answer about several edits."""
    shelf = Shelf()
    request = RankRequest(
        source=shelf.put(source),
        candidates=tuple(shelf.put(candidate) for candidate in candidates),
        instruction=instruction,
    )
    return EvaluationAgent(scorer or load_backend(Settings()), shelf).rank(request, lambda: None)


def scored(source: np.ndarray, edited: np.ndarray, instruction: str) -> Scores:
    """The scores of one edit."""
    return ranking(source, [edited], instruction).scores[0]
