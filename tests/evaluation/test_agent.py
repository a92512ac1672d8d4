"""The agent turns marks into scores, orders and preferences, whatever scorer it asks."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editrefiner.contracts import DIMENSIONS, BackendInfo, CompareRequest, Comparison, fingerprint
from services.evaluation.agent import Estimate, EvaluationAgent, Marks
from tests.evaluation import scenes
from tests.evaluation.asking import ranking, scored
from tests.shelf import Shelf

MARGIN = 2.0
SPREAD = 1.0
levels = st.integers(0, 255)


class Brightness:
    """A scorer whose every score is the brightness of the picture, in percent."""

    backend = BackendInfo(name="brightness", version="1", digest=fingerprint("brightness"))
    decision_margin = MARGIN
    difference_spread = SPREAD
    coverage = 0.9
    calibration_basis = "by definition"

    def score(self, source, edits: Sequence[np.ndarray], instruction: str, checkpoint) -> list[Marks]:
        marks = []
        for edited in edits:
            checkpoint()
            value = float(edited.mean()) / 2.55
            marks.append(Marks(*[Estimate(value, value - 5, value + 5)] * 3))
        return marks


def flat(level: int) -> np.ndarray:
    return np.full((4, 4, 3), level, np.uint8)


def compared(a: np.ndarray, b: np.ndarray) -> Comparison:
    shelf = Shelf()
    request = CompareRequest(
        source=shelf.put(flat(0)), a=shelf.put(a), b=shelf.put(b), instruction="Make it bright"
    )
    return EvaluationAgent(Brightness(), shelf).compare(request, lambda: None)


@given(st.lists(levels, min_size=1, max_size=16))
def test_the_order_is_best_first_and_keeps_equals_in_place(asked: list[int]) -> None:
    answer = ranking(flat(0), [flat(level) for level in asked], "Make it bright", Brightness())

    assert sorted(answer.order) == list(range(len(asked)))
    keys = [(-answer.scores[i].overall, i) for i in answer.order]
    assert keys == sorted(keys)


@given(levels, levels)
def test_swapping_two_edits_swaps_the_preference(a: int, b: int) -> None:
    answer, swapped = compared(flat(a), flat(b)), compared(flat(b), flat(a))

    assert (answer.a, answer.b) == (swapped.b, swapped.a)
    assert swapped.preferred == {"a": "b", "b": "a", "tie": "tie"}[answer.preferred]


@given(levels, levels)
def test_only_a_difference_beyond_the_margin_is_a_preference(a: int, b: int) -> None:
    answer = compared(flat(a), flat(b))

    gain = answer.a.overall - answer.b.overall
    assert answer.preferred == ("tie" if abs(gain) <= MARGIN else "a" if gain > 0 else "b")


@given(levels, levels)
def test_how_sure_a_preference_is_turns_with_the_edits(a: int, b: int) -> None:
    answer, swapped = compared(flat(a), flat(b)), compared(flat(b), flat(a))

    assert answer.probability + swapped.probability == pytest.approx(1.0, abs=1e-5)
    assert answer.tie_probability == pytest.approx(swapped.tie_probability, abs=1e-5)
    assert answer.probability >= 0.5 or answer.a.overall < answer.b.overall
    if answer.preferred == "tie" and a == b:
        assert answer.probability == 0.5
        assert answer.tie_probability == pytest.approx(0.9545, abs=1e-4)  # two standard deviations


def test_a_ranking_groups_what_cannot_be_told_apart_and_says_who_may_be_the_best() -> None:
    answer = ranking(flat(0), [flat(100), flat(200), flat(202)], "Make it bright", Brightness())

    assert answer.order == (2, 1, 0)
    assert answer.ties == ((2, 1), (0,))
    assert sum(answer.best_probability) == pytest.approx(1.0, abs=1e-5)
    assert answer.best_probability[2] > answer.best_probability[1] > answer.best_probability[0]


@given(levels)
def test_an_interval_ends_where_scores_end(level: int) -> None:
    scores = ranking(flat(0), [flat(level)], "Make it bright", Brightness()).scores[0]

    for name in DIMENSIONS:
        low, high = getattr(scores.intervals, name)
        assert 0 <= low <= getattr(scores, name) <= high <= 100


@pytest.mark.parametrize("kind", [None, "blur", "hole"])
def test_the_compact_scorer_states_intervals_around_its_scores_and_weighs_them_by_the_formula(
    kind: str | None,
) -> None:
    edited = scenes.damaged(scenes.reddened(), kind, scenes.AWAY[1]) if kind else scenes.still_life()

    scores = scored(scenes.still_life(), edited, scenes.RECOLOR)

    for name in DIMENSIONS:
        low, high = getattr(scores.intervals, name)
        assert 0 <= low <= getattr(scores, name) <= high <= 100
        assert low < high
    assert scores.intervals.coverage == 0.9
    assert scores.decision_margin > 0
    weighted = (
        scores.perceptual_quality**0.3 * scores.instruction_following**0.4 * scores.visual_consistency**0.3
    )
    assert scores.overall == pytest.approx(weighted)


def test_a_scorer_that_is_told_to_stop_stops() -> None:
    shelf = Shelf()
    request = CompareRequest(
        source=shelf.put(flat(0)), a=shelf.put(flat(1)), b=shelf.put(flat(2)), instruction="Make it bright"
    )

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        EvaluationAgent(Brightness(), shelf).compare(request, stop)
