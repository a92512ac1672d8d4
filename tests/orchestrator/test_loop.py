"""What the loop asks for next, what it accepts, and when it stops."""

from collections.abc import Sequence

import pytest

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
    ImageRef,
    Intervals,
    Operation,
    PerceiveRequest,
    Perception,
    ProtectionReport,
    Ranking,
    RankRequest,
    RefinementParameters,
    Registration,
    ScoreAnswer,
    ScoreRequest,
    Scores,
    StepKind,
    StopReason,
    Thresholds,
    Tolerance,
)
from orchestrator.jobs import CommittedStep, Finish, JobInputs, NewStep, StepAnswerError
from orchestrator.loop import derive_seed, finish_early, iterations, next_step

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
    return Scores(**values, intervals=intervals, decision_margin=margin)


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


# ------------------------------------------------------------------------------ what is asked for


def test_the_edit_as_given_is_scored_first() -> None:
    step = next_step(job(), [])

    assert step == NewStep(
        StepKind.SCORE,
        0,
        ScoreRequest(
            source=picture("source"), edited=picture("edited"), instruction="Make the car red"
        ).model_dump(mode="json"),
    )


def test_then_the_edit_as_given_is_perceived() -> None:
    step = following(job(max_regions=5), given(50))

    assert isinstance(step, NewStep)
    assert (step.kind, step.iteration) == (StepKind.PERCEIVE, 1)
    request = PerceiveRequest.model_validate(step.request)
    assert request.edited == picture("edited")
    assert request.max_regions == 5


def test_every_region_is_diagnosed_with_what_perception_measured() -> None:
    step = following(job(), given(50), perceived("r1", "r2"))

    assert isinstance(step, NewStep)
    assert (step.kind, step.iteration) == (StepKind.DIAGNOSE, 1)
    request = DiagnoseRequest.model_validate(step.request)
    assert [region.id for region in request.regions] == ["r1", "r2"]
    assert (request.registration, request.change) == (REGISTRATION, CHANGE)


def test_only_regions_that_are_flaws_are_edited() -> None:
    step = following(
        job(candidates=4, seed=7), given(50), perceived("r1", "r2"), diagnosed(r1=False, r2=True)
    )

    assert isinstance(step, NewStep)
    assert (step.kind, step.iteration) == (StepKind.EDIT, 1)
    request = EditRequest.model_validate(step.request)
    assert [region.id for region in request.regions] == ["r2"]
    assert [flaw.region_id for flaw in request.flaws] == ["r2"]
    assert (request.registration, request.change) == (REGISTRATION, CHANGE)
    assert (request.candidates, request.attempt) == (4, 0)
    assert request.seed == derive_seed(7, 1, StepKind.EDIT)


def test_a_region_that_the_diagnosis_passes_over_stays_a_flaw() -> None:
    step = following(job(), given(50), perceived("r1", "r2"), diagnosed(r1=False))

    assert isinstance(step, NewStep)
    request = EditRequest.model_validate(step.request)
    assert [region.id for region in request.regions] == ["r2"]
    assert request.flaws == ()


def test_only_candidates_that_hold_protection_are_ranked() -> None:
    step = following(
        job(), given(50), perceived("r1"), diagnosed(r1=True), edited("a", "b", "c", broken=["b"])
    )

    assert isinstance(step, NewStep)
    assert (step.kind, step.iteration) == (StepKind.RANK, 1)
    assert RankRequest.model_validate(step.request).candidates == (picture("a"), picture("c"))


def test_the_next_round_starts_from_the_accepted_candidate() -> None:
    step = following(job(), given(50), *round_named("better", 60))

    assert isinstance(step, NewStep)
    assert (step.kind, step.iteration) == (StepKind.PERCEIVE, 2)
    assert PerceiveRequest.model_validate(step.request).edited == picture("better")


def test_a_rejected_candidate_never_becomes_a_base() -> None:
    step = following(job(), given(50), *round_named("better", 60), *round_named("worse", 55))

    assert isinstance(step, NewStep)
    assert PerceiveRequest.model_validate(step.request).edited == picture("better")


def test_another_attempt_on_the_same_base_is_numbered_and_seeded_anew() -> None:
    inputs = job(patience=3)
    steps = commit(
        inputs,
        given(50),
        *round_named("better", 60),  # round 1 is accepted: its base is left
        *round_named("worse", 55),
        *round_named("worse", 55),
        perceived("r1"),
        diagnosed(r1=True),
    )

    requests = [EditRequest.model_validate(step.request) for step in steps if step.kind is StepKind.EDIT]
    last = next_step(inputs, steps)
    assert isinstance(last, NewStep)
    requests.append(EditRequest.model_validate(last.request))

    assert [request.attempt for request in requests] == [0, 0, 1, 2]
    assert len({request.seed for request in requests}) == 4


@pytest.mark.parametrize(
    "other", [(8, 1, StepKind.EDIT), (7, 2, StepKind.EDIT), (7, 1, StepKind.RANK)], ids=str
)
def test_each_step_of_each_job_has_its_own_seed(other: tuple[int, int, StepKind]) -> None:
    assert derive_seed(7, 1, StepKind.EDIT) == derive_seed(7, 1, StepKind.EDIT)
    assert derive_seed(7, 1, StepKind.EDIT) != derive_seed(*other)
    assert 0 <= derive_seed(*other) < 2**53


# ------------------------------------------------------------------------------ what is accepted


def accepted(base: Scores, *of_candidates: Scores, **parameters) -> int | None:
    inputs = job(**parameters)
    first = ScoreAnswer(scores=base, backend=BACKEND)
    return iterations(inputs, commit(inputs, first, *round_with(*of_candidates)))[0].accepted


@pytest.mark.parametrize(
    ("of_base", "of_candidate", "gain", "index"),
    [
        (0.0, 0.0, 1.0, 0),
        (0.0, 0.0, 0.0, None),
        (0.0, 0.0, -1.0, None),
        (2.0, 0.0, 1.9, None),
        (0.0, 2.0, 1.9, None),
        (2.0, 1.0, 2.1, 0),
        (1.0, 2.0, 2.1, 0),
    ],
)
def test_a_gain_counts_from_the_larger_decision_margin_on(
    of_base: float, of_candidate: float, gain: float, index: int | None
) -> None:
    base, candidate = scores(50, margin=of_base), scores(50 + gain, margin=of_candidate)

    assert accepted(base, candidate) == index


@pytest.mark.parametrize("dimension", ["perceptual_quality", "instruction_following", "visual_consistency"])
@pytest.mark.parametrize(("tolerated", "index"), [(5.0, 0), (4.9, None)])
def test_no_dimension_may_fall_by_more_than_its_tolerance(
    dimension: str, tolerated: float, index: int | None
) -> None:
    loses_5 = scores(80, **{dimension: 45.0})
    tolerance = Tolerance(**{dimension: tolerated})

    assert accepted(scores(50), loses_5, tolerance=tolerance) == index


def test_the_best_candidate_is_accepted_whatever_the_order() -> None:
    assert accepted(scores(50), scores(60), scores(80), scores(70)) == 1


def test_the_next_best_candidate_is_accepted_when_the_best_loses_too_much() -> None:
    assert accepted(scores(50), scores(60), scores(90, visual_consistency=40.0), scores(55)) == 0


def test_an_accepted_index_counts_candidates_that_were_not_ranked() -> None:
    inputs = job()
    steps = commit(
        inputs,
        given(50),
        perceived("r1"),
        diagnosed(r1=True),
        edited("a", "b", "c", broken=["a"]),
        ranked(scores(40), scores(70)),
    )

    (only,) = iterations(inputs, steps)

    result = finish_early(inputs, steps, StopReason.CANCELED)
    assert result is not None
    assert (only.scored, only.accepted, result.image) == ((1, 2), 2, picture("c"))


# ------------------------------------------------------------------------------ when it stops


def test_without_a_region_there_are_no_flaws() -> None:
    end = following(job(), given(50), perceived())

    assert isinstance(end, Finish)
    assert end.stop_reason is StopReason.NO_FLAWS
    assert end.result is not None
    assert end.result.image == picture("edited")
    assert end.result.masks == ()
    assert end.result.scores_after == end.result.scores_before == scores(50)
    assert (end.result.improved, end.result.converged, end.result.iterations) == (False, True, 1)


def test_regions_that_are_no_flaws_on_a_closer_look_end_the_job() -> None:
    answers = given(50), perceived("r1", "r2"), diagnosed(r1=False, r2=False)

    assert finished(job(), *answers) is StopReason.NO_FLAWS


@pytest.mark.parametrize("rejected", [edited(), edited("a", "b", broken=["a", "b"])], ids=["none", "broken"])
def test_a_round_without_a_usable_candidate_is_a_rejected_one(rejected: EditResult) -> None:
    fruitless = perceived("r1"), diagnosed(r1=True), rejected

    again = following(job(patience=2), given(50), *fruitless)
    assert isinstance(again, NewStep)
    assert (again.kind, again.iteration) == (StepKind.PERCEIVE, 2)
    assert finished(job(patience=2), given(50), *fruitless, *fruitless) is StopReason.NO_IMPROVEMENT


def test_patience_counts_rejected_rounds_in_a_row() -> None:
    worse, better, best = (round_named(*named) for named in (("w", 40.0), ("b", 60.0), ("c", 70.0)))

    assert finished(job(patience=1), given(50), *worse) is StopReason.NO_IMPROVEMENT
    assert finished(job(patience=2), given(50), *worse, *worse) is StopReason.NO_IMPROVEMENT
    assert isinstance(following(job(patience=2), given(50), *worse, *better, *worse), NewStep)
    assert finished(job(patience=2), given(50), *worse, *better, *worse, *best) is StopReason.MAX_ITERATIONS


def test_the_loop_stops_after_the_last_iteration() -> None:
    answers = given(50), *round_named("a", 60), *round_named("b", 70)

    assert finished(job(max_iterations=2), *answers) is StopReason.MAX_ITERATIONS


def test_a_good_enough_edit_is_left_alone() -> None:
    assert finished(job(target_score=50), given(50)) is StopReason.TARGET_REACHED


def test_the_loop_stops_when_the_target_is_reached() -> None:
    answers = given(50), *round_named("a", 80)

    assert finished(job(target_score=75, max_iterations=1), *answers) is StopReason.TARGET_REACHED
    assert isinstance(following(job(target_score=85), *answers), NewStep)


def test_no_round_begins_once_the_budget_is_used_up() -> None:
    answers = given(50), *round_named("a", 60)  # five steps of one second each

    assert finished(job(budget_seconds=5), *answers) is StopReason.BUDGET
    assert isinstance(following(job(budget_seconds=5.1), *answers), NewStep)


def test_a_round_under_way_is_finished_whatever_it_costs() -> None:
    answers = given(50), perceived("r1")

    assert finished(job(budget_seconds=1), given(50)) is StopReason.BUDGET
    assert isinstance(following(job(budget_seconds=2), *answers), NewStep)


def test_the_result_is_the_best_accepted_picture_and_what_it_took() -> None:
    inputs = job(max_iterations=3)
    answers = given(50), *round_named("a", 60), *round_named("worse", 55), *round_named("b", 70)

    end = following(inputs, *answers)

    assert isinstance(end, Finish)
    assert end.result is not None
    assert end.result.image == picture("b")
    assert end.result.masks == (picture("mask of a"), picture("mask of b"))
    assert (end.result.scores_before.overall, end.result.scores_after.overall) == pytest.approx((50, 70))
    assert (end.result.improved, end.result.converged, end.result.iterations) == (True, False, 3)
    assert end.result.agent_seconds == {"evaluation": 4.0, "perception": 3.0, "reasoning": 3.0, "action": 3.0}


def test_a_job_that_ends_from_outside_keeps_the_best_so_far() -> None:
    inputs = job()
    steps = commit(inputs, given(50), *round_named("a", 60), perceived("r1"))

    result = finish_early(inputs, steps, StopReason.DEADLINE)

    assert result is not None
    assert (result.image, result.stop_reason, result.converged) == (picture("a"), StopReason.DEADLINE, False)


def test_a_job_that_ends_before_its_first_score_has_no_result() -> None:
    assert finish_early(job(), [], StopReason.CANCELED) is None


# ------------------------------------------------------------------------------ what is reported


def test_every_round_says_what_it_saw_tried_and_decided() -> None:
    inputs = job()
    answers = given(50), *round_with(scores(60), scores(58)), perceived("r1")
    steps = commit(inputs, *answers, run_seconds=0.5)

    first, second = iterations(inputs, steps)

    assert (first.number, first.base, first.accepted) == (1, picture("edited"), 0)
    assert (first.perception, first.diagnosis, first.edit) == answers[1:4]
    assert (first.scores, first.scored) == ((scores(60), scores(58)), (0, 1))
    assert first.agent_seconds == {"perception": 0.5, "reasoning": 0.5, "action": 0.5, "evaluation": 0.5}
    assert (second.number, second.base, second.accepted) == (2, picture("candidate 0"), None)
    assert (second.diagnosis, second.edit, second.scores, second.decision) == (None, None, (), "")


@pytest.mark.parametrize(
    ("answers", "decision"),
    [
        (round_with(scores(60)), "Accepted candidate 1: overall 60.0, +10.0."),
        (
            round_with(scores(40), scores(50)),
            "Rejected: the best candidate, 2, changes the overall score by +0.0, "
            "not more than the scorer's margin of 0.5.",
        ),
        (
            round_with(scores(80, visual_consistency=44.0), scores(30)),
            "Rejected: the best candidate, 1, loses 6.0 in visual consistency, more than the 2.0 tolerated.",
        ),
        (
            (perceived("r1"), diagnosed(r1=True), edited()),
            "Rejected: no candidate was made that leaves the rest of the picture untouched.",
        ),
        ((perceived(),), "Nothing to repair: no flaw was seen."),
        (
            (perceived("r1", "r2"), diagnosed(r1=False, r2=False)),
            "Nothing to repair: on a closer look none of 2 regions is a flaw.",
        ),
        ((perceived("r1"), diagnosed(r1=True)), ""),
    ],
)
def test_a_decision_is_one_sentence(answers, decision: str) -> None:
    inputs = job()

    (only,) = iterations(inputs, commit(inputs, given(50, margin=0.5), *answers))

    assert only.decision == decision


# ------------------------------------------------------------------------------ answers that do not fit


def test_scores_for_other_than_the_ranked_candidates_are_refused() -> None:
    inputs = job()
    steps = commit(
        inputs, given(50), perceived("r1"), diagnosed(r1=True), edited("a", "b"), ranked(scores(60))
    )

    with pytest.raises(StepAnswerError, match=r"step 4 \(rank\): 1 scores for 2 candidates"):
        next_step(inputs, steps)


def test_an_answer_that_cannot_be_read_is_refused() -> None:
    step = CommittedStep(0, StepKind.SCORE, 0, {}, {"scores": {}}, 1.0)

    with pytest.raises(StepAnswerError, match=r"the evaluation service's scores\.\w+ cannot be read"):
        next_step(job(), [step])


def test_an_answer_that_no_request_can_be_made_of_is_refused() -> None:
    inputs = job()
    steps = commit(inputs, given(50), perceived(*(f"r{number}" for number in range(65))))

    with pytest.raises(StepAnswerError, match=r"step 1 \(perceive\): no further request can be made"):
        next_step(inputs, steps)
