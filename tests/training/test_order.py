"""Does every edit have its turn, in every process, in an order that one seed fixes?"""

from collections import Counter
from itertools import chain

import pytest

from training.order import epoch_steps, shares


def turns(steps: list[list[list[int]]]) -> list[int]:
    return list(chain.from_iterable(chain.from_iterable(steps)))


def test_an_epoch_shows_every_edit_once_and_its_short_last_step_counts():
    steps = epoch_steps(11, seed=1, epoch=0, batch=2, accumulation=4)
    assert sorted(turns(steps)) == list(range(11))
    assert [len(step) for step in steps] == [4, 2]


def test_the_order_is_fixed_by_seed_and_epoch():
    def order(seed: int, epoch: int) -> list[int]:
        return turns(epoch_steps(50, seed=seed, epoch=epoch, batch=2, accumulation=4))

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


@pytest.mark.parametrize("count", [1, 7, 12, 13])
def test_processes_share_an_epoch_and_take_equally_many_steps(count):
    dealt = [
        epoch_steps(count, seed=1, epoch=0, batch=2, accumulation=2, rank=rank, processes=3)
        for rank in range(3)
    ]
    assert len({tuple(len(step) for step in steps) for steps in dealt}) == 1
    seen = Counter(chain.from_iterable(turns(steps) for steps in dealt))
    assert set(seen) == set(range(count))


def test_judged_edits_are_shared_without_repeats():
    dealt = [list(chain.from_iterable(shares(7, batch=2, rank=rank, processes=3))) for rank in range(3)]
    assert sorted(chain.from_iterable(dealt)) == list(range(7))
