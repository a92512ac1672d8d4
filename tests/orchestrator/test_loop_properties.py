"""What holds for every refinement, whatever the agents answer."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from editrefiner.contracts import (
    DIMENSIONS,
    ImageRef,
    JobResult,
    PerceiveRequest,
    RefinementParameters,
    StepKind,
    StopReason,
    Tolerance,
)
from orchestrator.jobs import CommittedStep, Finish, JobInputs, NewStep
from orchestrator.loop import finish_early, iterations, next_step

BACKEND = {"name": "any", "version": "1", "digest": "0b" * 32}
PATCH = {"sha256": "5c" * 32, "media_type": "image/png", "width": 4, "height": 3}

values = st.floats(0, 100) | st.sampled_from([49.0, 50.0, 51.0])
parameters = st.builds(
    RefinementParameters,
    max_iterations=st.integers(1, 4),
    patience=st.integers(1, 4),
    target_score=st.none() | st.floats(1, 100),
    budget_seconds=st.none() | st.floats(1, 30),
    tolerance=st.builds(
        Tolerance,
        perceptual_quality=st.floats(0, 100),
        instruction_following=st.floats(0, 100),
        visual_consistency=st.floats(0, 100),
    ),
)


def picture(number: int) -> dict:
    return {"sha256": f"{number:064x}", "media_type": "image/png", "width": 32, "height": 24}


@st.composite
def scores(draw) -> dict:
    whole = [0.0, 100.0]
    return {
        **{name: draw(values) for name in DIMENSIONS},
        "intervals": dict.fromkeys(DIMENSIONS, whole),
        "decision_margin": draw(st.floats(0, 5)),
    }


@st.composite
def answers(draw, step: NewStep, seq: int) -> dict:
    """Anything that an agent may answer to this step; every candidate is a picture of its own."""
    match step.kind:
        case StepKind.SCORE:
            return {"scores": draw(scores()), "backend": BACKEND}
        case StepKind.PERCEIVE:
            region = {"kind": "artifact", "bbox": (0, 0, 4, 3), "area": 9, "mask": PATCH}
            saliency = {"mean_saliency": 0.5, "peak_saliency": 0.7}
            return {
                **dict.fromkeys(("artifact_map", "failure_map", "mask"), picture(0)),
                "regions": [{"id": f"r{n}", **region, **saliency} for n in range(draw(st.integers(0, 3)))],
                "thresholds": {"artifact": 0.5, "editing_failure": 0.5},
                "registration": {},
                "change": {"scope": "local", "edit_kind": "add", "changed_fraction": 0.2},
                "backend": BACKEND,
            }
        case StepKind.DIAGNOSE:
            flaw = {
                "flaw_type": "blur",
                "flaw_type_text": "",
                "explanation": "",
                "severity": 0.5,
                "confidence": 0.5,
                "suggested_operation": "restore",
                "edit_instruction": "",
            }
            found = [
                {"region_id": region["id"], "is_flaw": draw(st.booleans()), **flaw}
                for region in step.request["regions"]
            ]
            return {"flaws": found, "summary": "", "backend": BACKEND}
        case StepKind.EDIT:
            protection = {
                "max_difference_outside": 0,
                "mean_difference_outside": 0,
                "mask_pixels": 9,
                "changed_pixels": 9,
            }
            candidates = [
                {
                    "image": picture(1000 * seq + n),
                    "mask": picture(0),
                    "plan": {"regions": []},
                    "protection": {**protection, "holds": draw(st.booleans())},
                    "seed": 1,
                }
                for n in range(draw(st.integers(0, 3)))
            ]
            return {"candidates": candidates, "backend": BACKEND}
        case StepKind.RANK:
            of_each = [draw(scores()) for _ in step.request["candidates"]]
            return {"scores": of_each, "order": list(range(len(of_each))), "backend": BACKEND}


@dataclass
class Played:
    """A refinement from its first step to its end."""

    inputs: JobInputs
    steps: list[CommittedStep]
    end: Finish
    result: JobResult


@st.composite
def refinements(draw) -> Played:
    source, edit = ImageRef.model_validate(picture(1)), ImageRef.model_validate(picture(2))
    inputs = JobInputs(source, edit, None, "Make the car red", draw(parameters))
    steps: list[CommittedStep] = []
    while isinstance(step := next_step(inputs, steps), NewStep):
        result = draw(answers(step, len(steps)))
        run_seconds = draw(st.floats(0, 10))
        steps.append(CommittedStep(len(steps), step.kind, step.iteration, step.request, result, run_seconds))
        assert len(steps) <= 17, "one score, then at most four rounds of four steps"
    assert step.result is not None, "the first score exists"
    return Played(inputs, steps, step, step.result)


@given(refinements())
def test_the_result_never_scores_below_the_given_edit(played: Played) -> None:
    result = played.result

    assert result.scores_after.overall >= result.scores_before.overall
    assert result.improved == (result.scores_after.overall > result.scores_before.overall)
    assert result.improved or result.image == played.inputs.edited


@given(refinements())
def test_only_a_candidate_that_holds_protection_and_gains_enough_is_accepted(played: Played) -> None:
    rounds = iterations(played.inputs, played.steps)
    best = played.result.scores_before
    for each in rounds:
        if each.accepted is None or each.edit is None:
            continue
        kept = each.scores[each.scored.index(each.accepted)]
        assert each.edit.candidates[each.accepted].protection.holds
        assert kept.overall > best.overall + max(kept.decision_margin, best.decision_margin) - 1e-9
        for name in DIMENSIONS:
            allowed = getattr(played.inputs.parameters.tolerance, name)
            assert getattr(best, name) - getattr(kept, name) <= allowed
        best = kept
    assert played.result.scores_after == best


@given(refinements())
def test_every_round_works_on_the_best_picture_so_far(played: Played) -> None:
    best = played.inputs.edited
    looked_at = [
        PerceiveRequest.model_validate(step.request).edited
        for step in played.steps
        if step.kind is StepKind.PERCEIVE
    ]
    for each, looked in zip(iterations(played.inputs, played.steps), looked_at, strict=True):
        assert each.base == looked == best
        if each.accepted is not None and each.edit is not None:
            best = each.edit.candidates[each.accepted].image
    assert played.result.image == best


@given(refinements())
def test_bounds_are_kept(played: Played) -> None:
    parameters = played.inputs.parameters
    rounds = iterations(played.inputs, played.steps)
    accepted = [each.accepted is not None for each in rounds]

    assert len(rounds) == played.result.iterations <= parameters.max_iterations
    assert [each.number for each in rounds] == list(range(1, len(rounds) + 1))
    assert not any(
        not any(accepted[at : at + parameters.patience]) for at in range(len(rounds) - parameters.patience)
    )
    assert played.result.converged == (
        played.end.stop_reason in {StopReason.NO_FLAWS, StopReason.TARGET_REACHED}
    )


@given(refinements())
def test_the_same_steps_always_lead_to_the_same_next_one(played: Played) -> None:
    for count, step in enumerate(played.steps):
        expected = NewStep(step.kind, step.iteration, step.request)
        assert next_step(played.inputs, played.steps[:count]) == expected
    assert next_step(played.inputs, played.steps) == played.end


@settings(max_examples=50)
@given(refinements(), st.integers(0, 17))
def test_a_job_that_ends_early_is_never_worse_than_given_either(played: Played, count: int) -> None:
    result = finish_early(played.inputs, played.steps[:count], StopReason.CANCELED)

    assert (result is None) == (count == 0)
    assert result is None or result.scores_after.overall >= result.scores_before.overall
