"""How do four agents answer that know only brightness? A score is a quarter of it; a repair adds 10."""

from collections.abc import Sequence

import numpy as np

from editrefiner.artifacts import ArtifactStore
from editrefiner.contracts import (
    BackendInfo,
    ChangeScope,
    ChangeSummary,
    Diagnosis,
    EditCandidate,
    EditKind,
    EditPlan,
    EditResult,
    FlawDiagnosis,
    FlawKind,
    FlawRegion,
    FlawType,
    ImageRef,
    Intervals,
    Operation,
    Perception,
    ProtectionReport,
    Ranking,
    Registration,
    ScoreAnswer,
    Scores,
    Thresholds,
)

SIDE = 16
FLAWLESS = 200  # brightness from which a picture has no flaw


def scores(overall: float) -> Scores:
    """Scores with all three dimensions equal, and certain."""
    interval = (overall, overall)
    return Scores(
        perceptual_quality=overall,
        instruction_following=overall,
        visual_consistency=overall,
        intervals=Intervals(
            perceptual_quality=interval, instruction_following=interval, visual_consistency=interval
        ),
    )


class BrightnessRule:
    """Answers that the loop can go on from: every round is a little better, until there is no flaw."""

    def __init__(self, store: ArtifactStore, backend: BackendInfo) -> None:
        self._store = store
        self._backend = backend

    def brightness(self, image: ImageRef) -> float:
        return float(self._store.pixels(image).mean())

    def score(self, edited: ImageRef) -> ScoreAnswer:
        return ScoreAnswer(scores=scores(self.brightness(edited) / 4), backend=self._backend)

    def rank(self, candidates: Sequence[ImageRef]) -> Ranking:
        each = tuple(scores(self.brightness(image) / 4) for image in candidates)
        order = sorted(range(len(each)), key=lambda index: -each[index].overall)
        return Ranking(scores=each, order=tuple(order), backend=self._backend)

    def perceive(self, edited: ImageRef) -> Perception:
        full = self._white(SIDE)
        region = FlawRegion(
            id="r1",
            kind=FlawKind.ARTIFACT,
            bbox=(0, 0, 4, 4),
            area=16,
            mean_saliency=0.9,
            peak_saliency=1.0,
            mask=self._white(4),
        )
        return Perception(
            artifact_map=full,
            failure_map=full,
            mask=full,
            regions=() if self.brightness(edited) >= FLAWLESS else (region,),
            thresholds=Thresholds(artifact=0.5, editing_failure=0.5),
            registration=Registration(),
            change=ChangeSummary(scope=ChangeScope.LOCAL, edit_kind=EditKind.UNKNOWN, changed_fraction=0.1),
            backend=self._backend,
        )

    def diagnose(self) -> Diagnosis:
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
        return Diagnosis(flaws=(flaw,), summary="One flaw.", backend=self._backend)

    def edit(self, edited: ImageRef, seed: int) -> EditResult:
        report = ProtectionReport(
            max_difference_outside=0,
            mean_difference_outside=0,
            mask_pixels=SIDE * SIDE,
            changed_pixels=SIDE * SIDE,
            holds=True,
        )
        candidate = EditCandidate(
            image=self._store.put_pixels(self._store.pixels(edited) + np.uint8(10)),
            mask=self._white(SIDE),
            plan=EditPlan(regions=()),
            protection=report,
            seed=seed,
        )
        return EditResult(candidates=(candidate,), backend=self._backend)

    def _white(self, side: int) -> ImageRef:
        return self._store.put_pixels(np.full((side, side), 255, np.uint8))
