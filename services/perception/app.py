"""The perception service: wires the agent to its backend and to HTTP."""

import cv2
from fastapi import FastAPI

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.contracts import PerceiveRequest, Perception
from editrefiner.serving import Run, Verb, create_service
from services.perception.agent import PerceptionAgent
from services.perception.backends import load_backend
from services.perception.settings import Settings


def perceive(agent: PerceptionAgent, request: PerceiveRequest, run: Run) -> Perception:
    """Run the verb of this service."""
    return agent.perceive(request, run.checkpoint)


VERBS = (
    Verb(
        path="/v1/perceive",
        request=PerceiveRequest,
        answer=Perception,
        run=perceive,
        summary="Find flaws",
        description="Two absolute saliency maps, artifacts and editing failures, and the flaw regions above "
        "threshold. No region is a valid answer.",
    ),
)


def create_app(settings: Settings | None = None, *, store: ArtifactStore | None = None) -> FastAPI:
    """The service, on the given artifact store or on the one its settings name."""
    settings = settings or Settings()
    pictures = store or open_store(settings.artifacts, limits=settings.image_limits())

    def load() -> PerceptionAgent:
        cv2.setNumThreads(settings.threads)
        return PerceptionAgent(load_backend(settings), pictures)

    return create_service(name="perception", settings=settings, store=pictures, verbs=VERBS, load=load)
