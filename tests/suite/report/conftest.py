"""A refinement made by hand on the sample's pictures: two rounds, one accepted and one rejected."""

from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.contracts import (
    BackendInfo,
    ChangeScope,
    ChangeSummary,
    Diagnosis,
    EditCandidate,
    EditKind,
    EditPlan,
    EditResult,
    Evidence,
    FlawDiagnosis,
    FlawKind,
    FlawRegion,
    FlawType,
    ImageRef,
    Intervals,
    Iteration,
    Job,
    JobLinks,
    JobResult,
    JobStatus,
    Operation,
    Perception,
    Progress,
    ProtectionReport,
    RefinementParameters,
    RegionPlan,
    Registration,
    Scores,
    StopReason,
    Thresholds,
    ToolCall,
)
from suite import samples
from suite.outcome import Refinement

SMEAR, CAST, SPOON = (488, 192, 592, 288), (0, 190, 84, 274), (392, 62, 430, 108)
BEGIN = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


@pytest.fixture
def artifacts(tmp_path) -> ArtifactStore:
    return open_store(str(tmp_path / "artifacts"))


@pytest.fixture
def refinement(artifacts) -> Refinement:
    return RefinementByHand(artifacts).build()


def scores(quality: float, following: float, consistency: float) -> Scores:
    return Scores(
        perceptual_quality=quality,
        instruction_following=following,
        visual_consistency=consistency,
        intervals=Intervals(
            perceptual_quality=(quality - 9, quality + 8),
            instruction_following=(following - 14, min(100, following + 12)),
            visual_consistency=(consistency - 7, min(100, consistency + 6)),
        ),
        decision_margin=0.5,
    )


def backend(number: int) -> BackendInfo:
    return BackendInfo(name="compact", version="1", digest=f"{number:02x}" * 32, provisional=number == 4)


class RefinementByHand:
    """Builds the contract objects around pictures in a real store."""

    def __init__(self, store: ArtifactStore) -> None:
        self.store = store
        self.source_ref, source = store.ingest(samples.SOURCE.read_bytes(), name="source")
        self.edited_ref, edited = store.ingest(samples.EDITED.read_bytes(), name="edited")
        self.source, self.edited = source.pixels, edited.pixels

    def build(self) -> Refinement:
        first = self.first_round()
        second = self.second_round(first)
        assert first.edit is not None
        kept = first.edit.candidates[1]
        result = JobResult(
            image=kept.image,
            masks=(kept.mask,),
            scores_before=scores(58.2, 81.0, 66.4),
            scores_after=scores(71.9, 80.2, 83.1),
            improved=True,
            converged=False,
            stop_reason=StopReason.NO_IMPROVEMENT,
            iterations=2,
            agent_seconds={"perception": 0.81, "reasoning": 0.12, "action": 2.4, "evaluation": 0.77},
        )
        backends = {
            name: backend(number)
            for number, name in enumerate(("perception", "reasoning", "action", "evaluation"), start=1)
        }
        return Refinement(self.job(result), result, (first, second), self.store, backends)

    def job(self, result: JobResult) -> Job:
        links = JobLinks(self="/v1/jobs/1", events="/e", iterations="/i", cancel="/c", bundle="/b")
        return Job(
            id="01JOB",
            status=JobStatus.SUCCEEDED,
            instruction=samples.INSTRUCTION,
            source=self.source_ref,
            edited=self.edited_ref,
            parameters=RefinementParameters(),
            progress=Progress(fraction=1.0),
            result=result,
            created_at=BEGIN,
            updated_at=BEGIN + timedelta(seconds=5.2),
            finished_at=BEGIN + timedelta(seconds=5.2),
            deadline_at=BEGIN + timedelta(hours=1),
            links=links,
        )

    def first_round(self) -> Iteration:
        regions = (
            self.region("r1", SMEAR, FlawKind.ARTIFACT, 0.71),
            self.region("r2", CAST, FlawKind.ARTIFACT, 0.55),
            self.region("r3", SPOON, FlawKind.EDITING_FAILURE, 0.62),
        )
        flaws = (
            self.flaw("r1", FlawType.BLUR, "This piece of the table has lost its grain.", Operation.RESTORE),
            self.flaw("r2", FlawType.COLOR_CAST, "The table has turned greenish here.", Operation.TOOLS),
            self.flaw("r3", FlawType.UNINTENDED_REMOVAL, "The end of the spoon is gone.", Operation.RESTORE),
        )
        repaired = self.repaired(self.edited, (SMEAR, CAST, SPOON))
        half = self.repaired(self.edited, (SMEAR,))
        candidates = (
            self.candidate(half, (SMEAR,), ("r1",), holds=True),
            self.candidate(repaired, (SMEAR, CAST, SPOON), ("r1", "r2", "r3"), holds=True),
        )
        return Iteration(
            number=1,
            base=self.edited_ref,
            perception=self.perception(regions),
            diagnosis=Diagnosis(
                flaws=flaws, summary="Three flaws beside the change asked for.", backend=backend(2)
            ),
            edit=EditResult(candidates=candidates, backend=backend(3)),
            scores=(scores(63.0, 80.8, 71.7), scores(71.9, 80.2, 83.1)),
            scored=(0, 1),
            accepted=1,
            decision="Accepted candidate 2: overall 78.6, +9.1.",
            agent_seconds={"perception": 0.4, "reasoning": 0.08, "action": 1.3, "evaluation": 0.31},
        )

    def second_round(self, first: Iteration) -> Iteration:
        assert first.edit is not None
        base = first.edit.candidates[1].image
        region = self.region("r1", (150, 60, 240, 120), FlawKind.EDITING_FAILURE, 0.35)
        flaw = self.flaw("r1", FlawType.LEFTOVER, "A thin line of the old color is left.", Operation.INPAINT)
        candidates = (
            self.candidate(self.edited, (region.bbox,), ("r1",), holds=False),
            self.candidate(self.edited, (region.bbox,), ("r1",), holds=True),
        )
        return Iteration(
            number=2,
            base=base,
            perception=self.perception((region,)),
            diagnosis=Diagnosis(flaws=(flaw,), summary="One small flaw is left.", backend=backend(2)),
            edit=EditResult(candidates=candidates, backend=backend(3)),
            scores=(scores(70.0, 79.0, 82.0),),
            scored=(1,),
            decision="Rejected: the best candidate, 2, changes the overall score by -1.2.",
            agent_seconds={"perception": 0.41, "reasoning": 0.04, "action": 1.1, "evaluation": 0.3},
        )

    def repaired(self, pixels: np.ndarray, boxes) -> np.ndarray:
        done = pixels.copy()
        for x0, y0, x1, y1 in boxes:
            done[y0:y1, x0:x1] = self.source[y0:y1, x0:x1]
        return done

    def region(self, name: str, box, kind: FlawKind, saliency: float) -> FlawRegion:
        x0, y0, x1, y1 = box
        mask = np.full((y1 - y0, x1 - x0), 255, np.uint8)
        return FlawRegion(
            id=name,
            kind=kind,
            bbox=box,
            area=mask.size,
            mean_saliency=saliency,
            peak_saliency=min(1.0, saliency + 0.2),
            mask=self.store.put_pixels(mask),
        )

    def flaw(self, region: str, kind: FlawType, explanation: str, operation: Operation) -> FlawDiagnosis:
        fact = Evidence(
            name="sharpness_ratio",
            value=0.18,
            unit="ratio",
            meaning="fine detail is 18 % of the source's",
        )
        return FlawDiagnosis(
            region_id=region,
            flaw_type=kind,
            flaw_type_text=kind.replace("_", " "),
            explanation=explanation,
            severity=0.64,
            confidence=0.8,
            evidence=(fact,),
            suggested_operation=operation,
            edit_instruction="Bring back what was here.",
        )

    def map_of(self, boxes) -> ImageRef:
        saliency = np.zeros(self.source.shape[:2], np.uint8)
        for x0, y0, x1, y1 in boxes:
            saliency[y0:y1, x0:x1] = 220
        return self.store.put_pixels(cv2.GaussianBlur(saliency, (0, 0), 8))

    def perception(self, regions: tuple[FlawRegion, ...]) -> Perception:
        artifact = [region.bbox for region in regions if region.kind is FlawKind.ARTIFACT]
        failure = [region.bbox for region in regions if region.kind is FlawKind.EDITING_FAILURE]
        return Perception(
            artifact_map=self.map_of(artifact),
            failure_map=self.map_of(failure),
            mask=self.map_of(artifact + failure),
            regions=regions,
            thresholds=Thresholds(artifact=0.4, editing_failure=0.4),
            registration=Registration(),
            change=ChangeSummary(scope=ChangeScope.LOCAL, edit_kind=EditKind.RECOLOR, changed_fraction=0.3),
            backend=backend(1),
        )

    def candidate(self, pixels: np.ndarray, boxes, regions, *, holds: bool) -> EditCandidate:
        mask = np.zeros(pixels.shape[:2], np.uint8)
        for x0, y0, x1, y1 in boxes:
            mask[y0:y1, x0:x1] = 255
        area = int((mask > 0).sum())
        plans = tuple(
            RegionPlan(
                region_id=region,
                operation=Operation.TOOLS if region == "r2" else Operation.RESTORE,
                tool_calls=(ToolCall(name="harmonize", parameters={"strength": 0.8}),)
                if region == "r2"
                else (),
                expected_effect="looks like the source again",
            )
            for region in regions
        )
        return EditCandidate(
            image=self.store.put_pixels(pixels),
            mask=self.store.put_pixels(mask),
            plan=EditPlan(regions=plans),
            protection=ProtectionReport(
                max_difference_outside=0 if holds else 31,
                mean_difference_outside=0.0 if holds else 0.7,
                mask_pixels=area,
                changed_pixels=area - 100,
                holds=holds,
            ),
            seed=7,
        )
