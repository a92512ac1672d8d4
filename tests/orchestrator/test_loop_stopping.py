"""When the loop stops, and what the result is then."""

import pytest

from editrefiner.contracts import (
    EditResult,
    StepKind,
    StopReason,
)
from orchestrator.jobs import Finish, NewStep
from orchestrator.loop import finish_early
from tests.orchestrator.hand_answers import (
    commit,
    diagnosed,
    edited,
    finished,
    following,
    given,
    job,
    perceived,
    picture,
    round_named,
    scores,
)


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
