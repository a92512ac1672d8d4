"""The evaluation service: wires the agent to its backend and to HTTP."""

import cv2
from fastapi import FastAPI

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.contracts import (
    CompareRequest,
    Comparison,
    Ranking,
    RankRequest,
    ScoreAnswer,
    ScoreRequest,
)
from editrefiner.serving import Run, Verb, create_service
from services.evaluation.agent import EvaluationAgent
from services.evaluation.backends import load_backend
from services.evaluation.settings import Settings


def score(agent: EvaluationAgent, request: ScoreRequest, run: Run) -> ScoreAnswer:
    """Score one edit."""
    return agent.score(request, run.checkpoint)


def rank(agent: EvaluationAgent, request: RankRequest, run: Run) -> Ranking:
    """Order several edits."""
    return agent.rank(request, run.checkpoint)


def compare(agent: EvaluationAgent, request: CompareRequest, run: Run) -> Comparison:
    """Choose between two edits."""
    return agent.compare(request, run.checkpoint)


VERBS = (
    Verb(
        path="/v1/score",
        request=ScoreRequest,
        answer=ScoreAnswer,
        run=score,
        summary="Score an edit",
        description="Perceptual quality, instruction following and visual consistency, 0 to 100, with "
        "intervals, and their weighted geometric mean.",
    ),
    Verb(
        path="/v1/rank",
        request=RankRequest,
        answer=Ranking,
        run=rank,
        summary="Order several edits of one source",
        description="Scores in the order of the request, and the indices best first.",
    ),
    Verb(
        path="/v1/compare",
        request=CompareRequest,
        answer=Comparison,
        run=compare,
        summary="Choose the better of two edits",
        description="A difference within the decision margin is a tie.",
    ),
)


def create_app(settings: Settings | None = None, *, store: ArtifactStore | None = None) -> FastAPI:
    """The service, on the given artifact store or on the one its settings name."""
    settings = settings or Settings()
    pictures = store or open_store(settings.artifacts, limits=settings.image_limits())

    def load() -> EvaluationAgent:
        cv2.setNumThreads(settings.threads)
        return EvaluationAgent(load_backend(settings), pictures)

    return create_service(name="evaluation", settings=settings, store=pictures, verbs=VERBS, load=load)
