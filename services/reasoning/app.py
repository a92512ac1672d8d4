"""The reasoning service: wires the agent to its backend and to HTTP."""

import cv2
from fastapi import FastAPI

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.contracts import DiagnoseRequest, Diagnosis
from editrefiner.serving import Run, Verb, create_service
from services.reasoning.agent import ReasoningAgent
from services.reasoning.backends import load_backend
from services.reasoning.settings import Settings


def diagnose(agent: ReasoningAgent, request: DiagnoseRequest, run: Run) -> Diagnosis:
    """Run the verb of this service."""
    return agent.diagnose(request, run.checkpoint)


VERBS = (
    Verb(
        path="/v1/diagnose",
        request=DiagnoseRequest,
        answer=Diagnosis,
        run=diagnose,
        summary="Explain flaw regions",
        description="One diagnosis per region, in the order of the request: the type of flaw, what is seen "
        "and why it is a flaw, how bad it is, the measured facts, and what an editor should do.",
    ),
)


def create_app(settings: Settings | None = None, *, store: ArtifactStore | None = None) -> FastAPI:
    """The service, on the given artifact store or on the one its settings name."""
    settings = settings or Settings()
    pictures = store or open_store(settings.artifacts, limits=settings.image_limits())

    def load() -> ReasoningAgent:
        cv2.setNumThreads(settings.threads)
        return ReasoningAgent(load_backend(settings), pictures)

    return create_service(name="reasoning", settings=settings, store=pictures, verbs=VERBS, load=load)
