"""Which candidate the loop accepts."""

import pytest

from editrefiner.contracts import (
    ScoreAnswer,
    Scores,
    StopReason,
    Tolerance,
)
from orchestrator.loop import finish_early, iterations
from tests.orchestrator.hand_answers import (
    BACKEND,
    commit,
    diagnosed,
    edited,
    given,
    job,
    perceived,
    picture,
    ranked,
    round_with,
    scores,
)


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


@pytest.mark.parametrize(
    ("others", "gain", "index"),
    [
        (0, 1.01, 0),
        (2, 1.43, None),  # the upper 3.333 % of the normal lie beyond 1.834, the upper 10 % beyond 1.282
        (2, 1.44, 0),
        (7, 1.74, None),  # the upper 1.25 % beyond 2.241
        (7, 1.75, 0),
    ],
)
def test_the_best_of_several_has_to_gain_more_than_a_single_candidate(
    others: int, gain: float, index: int | None
) -> None:
    worse = [scores(40, margin=1.0)] * others

    assert accepted(scores(50, margin=1.0), scores(50 + gain, margin=1.0), *worse) == index


def test_candidates_that_break_protection_do_not_widen_the_margin() -> None:
    inputs = job()
    steps = commit(
        inputs,
        given(50, margin=1.0),
        perceived("r1"),
        diagnosed(r1=True),
        edited("a", "b", "c", broken=["a", "c"]),
        ranked(scores(51.1, margin=1.0)),
    )

    assert iterations(inputs, steps)[0].accepted == 1


def test_a_scorer_without_a_margin_gets_none_however_many_are_compared() -> None:
    assert accepted(scores(50), *[scores(50.1)] * 8) == 0


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
