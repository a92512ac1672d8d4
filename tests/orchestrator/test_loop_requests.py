"""What the loop asks the agents for, step by step."""

import pytest

from editrefiner.contracts import (
    DiagnoseRequest,
    EditRequest,
    PerceiveRequest,
    RankRequest,
    ScoreRequest,
    StepKind,
)
from orchestrator.jobs import NewStep
from orchestrator.loop import derive_seed, next_step
from tests.orchestrator.hand_answers import (
    CHANGE,
    REGISTRATION,
    commit,
    diagnosed,
    edited,
    following,
    given,
    job,
    perceived,
    picture,
    round_named,
)


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
