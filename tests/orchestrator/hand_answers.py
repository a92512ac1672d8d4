"""What do the agents say in the tests of the loop? Answers by hand, and the steps that they make."""

from collections.abc import Sequence

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
    RefinementParameters,
    Registration,
    ScoreAnswer,
    Scores,
    StepKind,
    StopReason,
    Thresholds,
)
from orchestrator.jobs import CommittedStep, Finish, JobInputs, NewStep
from orchestrator.loop import next_step

BACKEND = BackendInfo(name="hand", version="1", digest="0b" * 32)
KIND_OF = {
    ScoreAnswer: StepKind.SCORE,
    Perception: StepKind.PERCEIVE,
    Diagnosis: StepKind.DIAGNOSE,
    EditResult: StepKind.EDIT,
    Ranking: StepKind.RANK,
}
REGISTRATION = Registration(matrix=(1, 0, 3, 0, 1, -2))
CHANGE = ChangeSummary(scope=ChangeScope.LOCAL, edit_kind=EditKind.RECOLOR, changed_fraction=0.25)


def picture(name: str) -> ImageRef:
    return ImageRef(sha256=name.encode().hex().ljust(64, "0"), width=32, height=24)


def scores(overall: float, *, margin: float = 0.0, **dimensions: float) -> Scores:
    """Three equal dimensions have that value as their overall score."""
    whole = (0.0, 100.0)
    values = {
        "perceptual_quality": overall,
        "instruction_following": overall,
        "visual_consistency": overall,
        **dimensions,
    }
    intervals = Intervals(perceptual_quality=whole, instruction_following=whole, visual_consistency=whole)
    return Scores.model_validate({**values, "intervals": intervals, "decision_margin": margin})


def given(overall: float, *, margin: float = 0.0) -> ScoreAnswer:
    return ScoreAnswer(scores=scores(overall, margin=margin), backend=BACKEND)


def perceived(*names: str) -> Perception:
    mask = ImageRef(sha256="5c" * 32, width=4, height=3)
    regions = tuple(
        FlawRegion(
            id=name,
            kind=FlawKind.ARTIFACT,
            bbox=(0, 0, 4, 3),
            area=12,
            mean_saliency=0.6,
            peak_saliency=0.9,
            mask=mask,
        )
        for name in names
    )
    return Perception(
        artifact_map=picture("map"),
        failure_map=picture("map"),
        mask=picture("mask"),
        regions=regions,
        thresholds=Thresholds(artifact=0.5, editing_failure=0.5),
        registration=REGISTRATION,
        change=CHANGE,
        backend=BACKEND,
    )


def diagnosed(**is_flaw: bool) -> Diagnosis:
    flaws = tuple(
        FlawDiagnosis(
            region_id=name,
            is_flaw=flaw,
            flaw_type=FlawType.BLUR,
            flaw_type_text="blurred",
            explanation="It is blurred.",
            severity=0.5,
            confidence=0.5,
            suggested_operation=Operation.RESTORE,
            edit_instruction="Sharpen it.",
        )
        for name, flaw in is_flaw.items()
    )
    return Diagnosis(flaws=flaws, summary="Blur.", backend=BACKEND)


def edited(*names: str, broken: Sequence[str] = ()) -> EditResult:
    candidates = tuple(
        EditCandidate(
            image=picture(name),
            mask=picture(f"mask of {name}"),
            plan=EditPlan(regions=()),
            protection=ProtectionReport(
                max_difference_outside=9 if name in broken else 0,
                mean_difference_outside=0,
                mask_pixels=12,
                changed_pixels=12,
                holds=name not in broken,
            ),
            seed=1,
        )
        for name in names
    )
    return EditResult(candidates=candidates, backend=BACKEND)


def ranked(*of_candidates: Scores) -> Ranking:
    order = sorted(range(len(of_candidates)), key=lambda index: -of_candidates[index].overall)
    return Ranking(scores=of_candidates, order=tuple(order), backend=BACKEND)


def job(**parameters) -> JobInputs:
    return JobInputs(
        source=picture("source"),
        edited=picture("edited"),
        edited_alpha=None,
        instruction="Make the car red",
        parameters=RefinementParameters(**parameters),
    )


def commit(inputs: JobInputs, *answers, run_seconds: float = 1.0) -> list[CommittedStep]:
    """Answer the loop step by step; each answer must be to what it asks for."""
    steps: list[CommittedStep] = []
    for answer in answers:
        step = next_step(inputs, steps)
        assert isinstance(step, NewStep), f"{step} came before {answer}"
        assert step.kind is KIND_OF[type(answer)]
        result = answer.model_dump(mode="json")
        steps.append(CommittedStep(len(steps), step.kind, step.iteration, step.request, result, run_seconds))
    return steps


def following(inputs: JobInputs, *answers) -> NewStep | Finish:
    return next_step(inputs, commit(inputs, *answers))


def round_with(*of_candidates: Scores) -> tuple[Perception, Diagnosis, EditResult, Ranking]:
    names = [f"candidate {index}" for index in range(len(of_candidates))]
    return perceived("r1"), diagnosed(r1=True), edited(*names), ranked(*of_candidates)


def round_named(name: str, overall: float) -> tuple[Perception, Diagnosis, EditResult, Ranking]:
    return perceived("r1"), diagnosed(r1=True), edited(name), ranked(scores(overall))


def finished(inputs: JobInputs, *answers) -> StopReason:
    end = following(inputs, *answers)
    assert isinstance(end, Finish)
    return end.stop_reason
