"""How a test asks: pictures in, scores out, by the agent and its compact scorer."""

import numpy as np

from editrefiner.contracts import Ranking, RankRequest, Scores
from services.evaluation.agent import EvaluationAgent, Scorer
from services.evaluation.backends import load_backend
from services.evaluation.settings import Settings
from tests.shelf import Shelf


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
