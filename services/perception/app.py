"""The perception service: wires the agent to its backend and to HTTP."""

from collections.abc import Sequence

import cv2
from fastapi import FastAPI

from editrefiner.artifacts import ArtifactStore, encode_png, open_store
from editrefiner.contracts import ImageRef, PerceiveRequest, Perception
from editrefiner.serving import Example, Reading, Run, Verb, View, create_service, shared_checkpoint
from services.perception import examples
from services.perception.agent import PerceptionAgent
from services.perception.backends import load_backend
from services.perception.overlay import Outline, draw_overlay
from services.perception.settings import Settings


def perceive(agent: PerceptionAgent, request: PerceiveRequest, run: Run) -> Perception:
    """Run the verb of this service."""
    return agent.perceive(request, run.checkpoint)


def perceive_together(
    agent: PerceptionAgent, asked: Sequence[tuple[PerceiveRequest, Run]]
) -> list[Perception]:
    """The same for several requests."""
    checkpoint = shared_checkpoint([run for _, run in asked])
    return agent.perceive_together([request for request, _ in asked], checkpoint)


def perceive_verb(pictures: ArtifactStore) -> Verb[PerceptionAgent, PerceiveRequest, Perception]:
    """The one verb; its overlay is drawn from what the store has."""

    def overlay(request: PerceiveRequest, answer: Perception) -> bytes:
        assert isinstance(request.edited, ImageRef)  # resolved before the run
        outlines = [
            Outline(region.id, region.kind, region.bbox, pictures.gray(region.mask))
            for region in answer.regions
        ]
        maps = pictures.gray(answer.artifact_map), pictures.gray(answer.failure_map)
        return encode_png(draw_overlay(pictures.pixels(request.edited), *maps, outlines))

    return Verb(
        path="/v1/perceive",
        request=PerceiveRequest,
        answer=Perception,
        run=perceive,
        run_together=perceive_together,
        summary="Find flaws",
        description="Two absolute saliency maps, artifacts and editing failures, and the flaw regions above "
        "threshold. No region is a valid answer.\n\n"
        "With `overlay=true` or `Accept: image/png` the answer is a picture for people: the edit "
        "dimmed under both maps (artifacts orange, failures blue), the regions outlined and named, a legend "
        "below, at most 2048 pixels wide and high. It is drawn from the same run, which is not repeated.",
        view=View(
            parameter="overlay",
            media_type="image/png",
            draw=overlay,
            description="Whether to answer with the maps and regions drawn over the edit.",
        ),
        example=Example(request=examples.REQUEST, answer=examples.ANSWER),
    )


def reading(agent: PerceptionAgent) -> Reading:
    """What `GET /v1/info` says about the answers."""
    one_scale = "8-bit, one channel, of the size of edited; 0..255 is 0..1 on one scale for all pictures"
    return Reading(
        thresholds=agent.thresholds.model_dump(),
        conventions={
            "artifact_map": f"looks wrong; {one_scale}",
            "failure_map": f"is not what was asked for; {one_scale}",
            "mask": "8-bit, one channel, of the size of edited: 255 inside a region, 0 elsewhere",
            "regions": "most salient first; bbox is x0, y0, x1, y1 in pixels of edited, x1 and y1 exclusive",
        },
    )


def create_app(settings: Settings | None = None, *, store: ArtifactStore | None = None) -> FastAPI:
    """The service, on the given artifact store or on the one its settings name."""
    settings = settings or Settings()
    pictures = store or open_store(settings.artifacts, limits=settings.image_limits())

    def load() -> PerceptionAgent:
        cv2.setNumThreads(settings.threads)
        return PerceptionAgent(load_backend(settings), pictures)

    return create_service(
        name="perception",
        settings=settings,
        store=pictures,
        verbs=[perceive_verb(pictures)],
        load=load,
        read=reading,
        batching=settings.batching(),
    )
