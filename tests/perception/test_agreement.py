"""Sure rules raise the maps where the network half agrees, and nowhere else."""

import numpy as np

from services.perception.backends.agreement import OBJECTION, agreed
from services.perception.backends.artifacts import FlawMaps

SHAPE = (100, 140)
NOTHING = np.zeros(SHAPE, np.float32)


def square(value: float, x: int = 30) -> np.ndarray:
    values = NOTHING.copy()
    values[30:60, x : x + 30] = value
    return values


def test_a_sure_rule_is_raised_as_a_whole_on_the_map_that_the_network_prefers() -> None:
    half = square(OBJECTION + 0.1)
    half[30:60, 36:] = 0.05

    artifact, failure = agreed(half, 0.5 * half, FlawMaps(NOTHING, square(1.0)), plain=False)

    assert artifact[35:55, 35:55].min() > 0.8
    assert failure[35:55, 35:55].max() < OBJECTION


def test_a_rule_that_the_network_objects_to_changes_nothing() -> None:
    doubt = square(OBJECTION - 0.1)

    artifact, failure = agreed(doubt, NOTHING, FlawMaps(NOTHING, square(1.0)), plain=False)

    assert np.array_equal(artifact, doubt)
    assert not failure.any()


def test_an_unsure_rule_changes_nothing_and_the_network_alone_is_kept() -> None:
    alone = square(0.9, x=90)

    artifact, failure = agreed(alone, NOTHING, FlawMaps(square(0.4), NOTHING), plain=True)

    assert np.array_equal(artifact, alone)
    assert not failure.any()


def test_where_the_request_is_plain_a_sure_rule_needs_no_agreement() -> None:
    _, failure = agreed(NOTHING, NOTHING, FlawMaps(NOTHING, square(1.0)), plain=True)

    assert failure[35:55, 35:55].min() > 0.8


def test_the_kind_that_the_network_leaves_open_is_that_of_the_rules() -> None:
    for undecided in (NOTHING, square(0.3)):
        artifact, failure = agreed(undecided, undecided, FlawMaps(square(1.0), NOTHING), plain=True)

        assert artifact[35:55, 35:55].min() > 0.8
        assert np.array_equal(failure, undecided)
