"""How sure an order of scores is: probabilities of pairs and of being the best, and ties."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.evaluation.certainty import best_probabilities, probability_above, tied

scores = st.lists(st.floats(0, 100), min_size=1, max_size=16)


@pytest.mark.parametrize(("difference", "spread"), [(0.0, 1.0), (1.0, 1.0), (-2.5, 2.0), (30.0, 0.5)])
def test_the_probability_of_a_pair_is_the_normal_distributions(difference: float, spread: float) -> None:
    expected = 1 - NormalDist(difference, spread).cdf(0)

    assert probability_above(difference, 0.0, spread) == pytest.approx(expected, abs=1e-6)


def test_without_spread_the_order_is_known() -> None:
    assert probability_above(0.1, 0.0, 0.0) == 1.0
    assert probability_above(-0.1, 0.0, 0.0) == 0.0
    assert probability_above(0.0, 0.0, 0.0) == 0.5
    assert best_probabilities([3.0, 5.0, 5.0], 0.0) == (0.0, 0.5, 0.5)


@settings(deadline=None)
@given(scores)
def test_one_of_them_is_the_best(overall: list[float]) -> None:
    chances = best_probabilities(overall, 1.0)

    assert sum(chances) == pytest.approx(1.0, abs=2e-5)
    assert all(0 <= chance <= 1 for chance in chances)
    ordered = sorted(range(len(overall)), key=lambda i: overall[i])
    assert [chances[i] for i in ordered] == sorted(chances)


def test_the_best_of_two_is_as_probable_as_the_pair_says() -> None:
    assert best_probabilities([60.0, 58.5], 1.3)[0] == pytest.approx(
        probability_above(1.5, 0.0, 1.3), abs=1e-5
    )


def test_the_best_of_several_is_as_probable_as_drawn_at_random() -> None:
    overall, spread = [70.0, 69.5, 69.0, 60.0], 1.0
    rng = np.random.default_rng(0)
    drawn = np.array(overall) + rng.normal(0, spread / np.sqrt(2), (200_000, 4))

    shares = np.bincount(drawn.argmax(axis=1), minlength=4) / 200_000

    assert best_probabilities(overall, spread) == pytest.approx(shares, abs=0.005)


def test_a_group_of_ties_ends_where_its_first_is_clearly_better() -> None:
    overall = [50.0, 80.0, 79.0, 78.5, 50.0]

    assert tied(overall, (1, 2, 3, 0, 4), 1.2) == ((1, 2), (3,), (0, 4))
