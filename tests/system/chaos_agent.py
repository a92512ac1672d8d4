"""An agent that sleeps and writes a line in a ledger, on the real serving kit: `chaos_agent.py NAME LEDGER`.

The ledger tells how often agents really ran, however often they were killed.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
from fastapi import FastAPI

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.contracts import (
    BackendInfo,
    ChangeScope,
    ChangeSummary,
    DiagnoseRequest,
    Diagnosis,
    EditCandidate,
    EditKind,
    EditPlan,
    EditRequest,
    EditResult,
    FlawDiagnosis,
    FlawKind,
    FlawRegion,
    FlawType,
    Intervals,
    Operation,
    PerceiveRequest,
    Perception,
    ProtectionReport,
    Ranking,
    RankRequest,
    Registration,
    RequestModel,
    ScoreAnswer,
    ScoreRequest,
    Scores,
    Thresholds,
    WireModel,
    fingerprint,
)
from editrefiner.serving import Run, ServiceSettings, Verb, create_service, run_service
from editrefiner.serving.service import ServiceName

WORK_SECONDS = 0.05
BACKEND = BackendInfo(name="chaos", version="1", digest=fingerprint("chaos"))


def scores(overall: float) -> Scores:
    """Scores with all three dimensions equal."""
    interval = (overall, overall)
    return Scores(
        perceptual_quality=overall,
        instruction_following=overall,
        visual_consistency=overall,
        intervals=Intervals(
            perceptual_quality=interval, instruction_following=interval, visual_consistency=interval
        ),
    )


class ChaosAgent:
    """Answers every verb with something the loop can go on from: four rounds, each a little better."""

    backend = BACKEND

    def __init__(self, store: ArtifactStore, ledger: Path) -> None:
        self._store = store
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

    def _brightness(self, image) -> float:
        return float(self._store.pixels(image).mean()) / 4

    def perceive(self, request: PerceiveRequest, run: Run) -> Perception:
        self._work(request, run)
        full = self._store.put_pixels(np.full((16, 16), 255, np.uint8))
        mask = self._store.put_pixels(np.full((4, 4), 255, np.uint8))
        region = FlawRegion(
            id="r1",
            kind=FlawKind.ARTIFACT,
            bbox=(0, 0, 4, 4),
            area=16,
            mean_saliency=0.9,
            peak_saliency=1.0,
            mask=mask,
        )
        return Perception(
            artifact_map=full,
            failure_map=full,
            mask=full,
            regions=(region,),
            thresholds=Thresholds(artifact=0.5, editing_failure=0.5),
            registration=Registration(),
            change=ChangeSummary(scope=ChangeScope.LOCAL, edit_kind=EditKind.UNKNOWN, changed_fraction=0.1),
            backend=BACKEND,
        )

    def diagnose(self, request: DiagnoseRequest, run: Run) -> Diagnosis:
        self._work(request, run)
        flaw = FlawDiagnosis(
            region_id="r1",
            flaw_type=FlawType.BLUR,
            flaw_type_text="blur",
            explanation="It is blurred.",
            severity=0.5,
            confidence=0.9,
            suggested_operation=Operation.RESTORE,
            edit_instruction="Sharpen it.",
        )
        return Diagnosis(flaws=(flaw,), summary="One flaw.", backend=BACKEND)

    def edit(self, request: EditRequest, run: Run) -> EditResult:
        self._work(request, run)
        brighter = self._store.pixels(request.edited) + np.uint8(10)
        mask = self._store.put_pixels(np.full((16, 16), 255, np.uint8))
        report = ProtectionReport(
            max_difference_outside=0,
            mean_difference_outside=0,
            mask_pixels=256,
            changed_pixels=256,
            holds=True,
        )
        candidate = EditCandidate(
            image=self._store.put_pixels(brighter),
            mask=mask,
            plan=EditPlan(regions=()),
            protection=report,
            seed=request.seed,
        )
        return EditResult(candidates=(candidate,), backend=BACKEND)

    def score(self, request: ScoreRequest, run: Run) -> ScoreAnswer:
        self._work(request, run)
        return ScoreAnswer(scores=scores(self._brightness(request.edited)), backend=BACKEND)

    def rank(self, request: RankRequest, run: Run) -> Ranking:
        self._work(request, run)
        each = tuple(scores(self._brightness(image)) for image in request.candidates)
        order = tuple(sorted(range(len(each)), key=lambda index: -each[index].overall))
        return Ranking(scores=each, order=order, backend=BACKEND)


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
