"""The evaluation service: wires the agent to its backend and to HTTP."""

from collections.abc import Sequence
from functools import partial

import cv2
from fastapi import FastAPI

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.contracts import (
    DIMENSIONS,
    CompareRequest,
    Comparison,
    Ranking,
    RankRequest,
    ScoreAnswer,
    ScoreRequest,
    Scores,
)
from editrefiner.serving import Reading, Run, Verb, create_service
from editrefiner.telemetry import metrics
from services.evaluation.agent import EvaluationAgent
from services.evaluation.backends import load_backend
from services.evaluation.marks import Scorer
from services.evaluation.routes import SCHEMAS, batch_routes, probe_routes
from services.evaluation.settings import Settings

DIGEST_CHARACTERS = 12  # of the label that tells one scorer's scores from another's


def score(agent: EvaluationAgent, request: ScoreRequest, run: Run) -> ScoreAnswer:
    """Score one edit."""
    answer = agent.score(request, run.checkpoint)
    _observe(agent, [answer.scores])
    return answer


def rank(agent: EvaluationAgent, request: RankRequest, run: Run) -> Ranking:
    """Order several edits."""
    answer = agent.rank(request, run.checkpoint)
    _observe(agent, answer.scores)
    return answer


def compare(agent: EvaluationAgent, request: CompareRequest, run: Run) -> Comparison:
    """Choose between two edits."""
    answer = agent.compare(request, run.checkpoint)
    _observe(agent, [answer.a, answer.b])
    return answer


def _observe(agent: EvaluationAgent, computed: Sequence[Scores]) -> None:
    """Count what was computed, so that a drift of the scores shows."""
    digest = agent.backend.digest[:DIGEST_CHARACTERS]
    for scores in computed:
        for name in (*DIMENSIONS, "overall"):
            metrics.SCORE_POINTS.labels("evaluation", name, digest).observe(getattr(scores, name))


SCORE = Verb(
    path="/v1/score",
    request=ScoreRequest,
    answer=ScoreAnswer,
    run=score,
    summary="Score an edit",
    description="Perceptual quality, instruction following and visual consistency, 0 to 100, with "
    "intervals, and their weighted geometric mean.",
)
VERBS = (
    SCORE,
    Verb(
        path="/v1/rank",
        request=RankRequest,
        answer=Ranking,
        run=rank,
        summary="Order several edits of one source",
        description="Scores in the order of the request, the indices best first, which of them cannot be "
        "told apart, and how probable each is to be the best.",
    ),
    Verb(
        path="/v1/compare",
        request=CompareRequest,
        answer=Comparison,
        run=compare,
        summary="Choose the better of two edits",
        description="A difference within the decision margin is a tie; `probability` says how sure the order "
        "is.",
    ),
)


def require_probes(agent: EvaluationAgent) -> None:
    """ProbesFailedError unless every required probe passes."""
    agent.require_probes()


def reading(agent: EvaluationAgent) -> Reading:
    """What `GET /v1/info` says about the answers."""
    return Reading(scoring=agent.scoring)


def create_app(
    settings: Settings | None = None, *, store: ArtifactStore | None = None, scorer: Scorer | None = None
) -> FastAPI:
    """The service, with the given artifact store and scorer or with those its settings name.

    While a scorer fails a required probe, `/readyz` is red and says which. A scorer that is given stays open.
    """
    settings = settings or Settings()
    pictures = store or open_store(settings.artifacts, limits=settings.image_limits())

    def load() -> EvaluationAgent:
        cv2.setNumThreads(settings.threads)
        return EvaluationAgent(load_backend(settings) if scorer is None else scorer, pictures)

    def unload(agent: EvaluationAgent) -> None:
        if scorer is None:
            agent.close()

    return create_service(
        name="evaluation",
        settings=settings,
        store=pictures,
        verbs=VERBS,
        load=load,
        check=require_probes,
        unload=unload,
        read=reading,
        routes=(partial(batch_routes, verb=SCORE), probe_routes),
        models=SCHEMAS,
    )
