"""The action service: wires the agent to its backend and to HTTP."""

import cv2
from fastapi import FastAPI

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.contracts import EditRequest, EditResult
from editrefiner.serving import Run, Verb, create_service
from services.action.agent import ActionAgent
from services.action.backends import load_backend
from services.action.settings import Settings


def edit(agent: ActionAgent, request: EditRequest, run: Run) -> EditResult:
    """Run the verb of this service."""
    return agent.edit(request, run.checkpoint)


VERBS = (
    Verb(
        path="/v1/edit",
        request=EditRequest,
        answer=EditResult,
        run=edit,
        summary="Repair flaws",
        description="Candidates that repair the regions, each with its plan, its mask and the proof that "
        "nothing outside the mask differs. No candidate is a valid answer: every region is then "
        "better left alone.",
    ),
)


def create_app(settings: Settings | None = None, *, store: ArtifactStore | None = None) -> FastAPI:
    """The service, on the given artifact store or on the one its settings name."""
    settings = settings or Settings()
    pictures = store or open_store(settings.artifacts, limits=settings.image_limits())

    def load() -> ActionAgent:
        cv2.setNumThreads(settings.threads)
        return ActionAgent(load_backend(settings), pictures)

    return create_service(name="action", settings=settings, store=pictures, verbs=VERBS, load=load)
