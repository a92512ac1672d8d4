"""An agent that sleeps and writes a line in a ledger: `python -m tests.system.chaos_agent NAME LEDGER`.

The ledger tells how often agents really ran, however often they were killed.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from fastapi import FastAPI

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.contracts import (
    BackendInfo,
    DiagnoseRequest,
    Diagnosis,
    EditRequest,
    EditResult,
    ImageInput,
    ImageRef,
    PerceiveRequest,
    Perception,
    Ranking,
    RankRequest,
    RequestModel,
    ScoreAnswer,
    ScoreRequest,
    WireModel,
    fingerprint,
)
from editrefiner.serving import Run, ServiceSettings, Verb, create_service, run_service
from editrefiner.serving.service import ServiceName
from tests.brightness_rule import BrightnessRule

WORK_SECONDS = 0.05
BACKEND = BackendInfo(name="chaos", version="1", digest=fingerprint("chaos"))


def reference(image: ImageInput) -> ImageRef:
    """Image fields are resolved before an agent is run."""
    assert isinstance(image, ImageRef)
    return image


class ChaosAgent:
    """Answers every verb by brightness: four rounds, each a little better."""

    backend = BACKEND

    def __init__(self, store: ArtifactStore, ledger: Path) -> None:
        self._rule = BrightnessRule(store, BACKEND)
        self._ledger = ledger

    def warm_up(self) -> None:
        """Nothing to warm."""

    def _work(self, request: RequestModel, run: Run) -> None:
        line = f"{type(request).__name__} {fingerprint(request.model_dump(mode='json'))}\n"
        descriptor = os.open(self._ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, line.encode())
        os.close(descriptor)
        time.sleep(WORK_SECONDS)
        run.checkpoint()

    def perceive(self, request: PerceiveRequest, run: Run) -> Perception:
        self._work(request, run)
        return self._rule.perceive(reference(request.edited))

    def diagnose(self, request: DiagnoseRequest, run: Run) -> Diagnosis:
        self._work(request, run)
        return self._rule.diagnose()

    def edit(self, request: EditRequest, run: Run) -> EditResult:
        self._work(request, run)
        return self._rule.edit(reference(request.edited), request.seed)

    def score(self, request: ScoreRequest, run: Run) -> ScoreAnswer:
        self._work(request, run)
        return self._rule.score(reference(request.edited))

    def rank(self, request: RankRequest, run: Run) -> Ranking:
        self._work(request, run)
        return self._rule.rank([reference(image) for image in request.candidates])


def verb(path: str, request: type[RequestModel], answer: type[WireModel], run: Callable) -> Verb:
    """A verb that is not described: nobody reads its documentation."""
    return Verb(path=path, request=request, answer=answer, run=run, summary=path, description=path)


VERBS = {
    "perception": (verb("/v1/perceive", PerceiveRequest, Perception, ChaosAgent.perceive),),
    "reasoning": (verb("/v1/diagnose", DiagnoseRequest, Diagnosis, ChaosAgent.diagnose),),
    "action": (verb("/v1/edit", EditRequest, EditResult, ChaosAgent.edit),),
    "evaluation": (
        verb("/v1/score", ScoreRequest, ScoreAnswer, ChaosAgent.score),
        verb("/v1/rank", RankRequest, Ranking, ChaosAgent.rank),
    ),
}


def main() -> None:
    """Serve the agent named on the command line with that agent's own settings."""
    name, ledger = cast("ServiceName", sys.argv[1]), Path(sys.argv[2])

    class Settings(ServiceSettings, env_prefix=f"{name.upper()}_"):
        """The real service's settings."""

    def create_app(settings: Settings) -> FastAPI:
        store = open_store(settings.artifacts)
        return create_service(
            name=name,
            version="0",
            settings=settings,
            store=store,
            verbs=VERBS[name],
            load=lambda: ChaosAgent(store, ledger),
        )

    run_service(create_app, Settings())


if __name__ == "__main__":
    main()
