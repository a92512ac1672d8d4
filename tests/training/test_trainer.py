"""What holds for the training of every recipe?"""

import pytest

from training.trainer import learning_rate


def test_the_learning_rate_rises_in_a_line_and_falls_in_a_cosine():
    rates = [learning_rate(1.0, 0.4, warmup=0.2, step=step, total=10) for step in range(11)]
    assert rates[:2] == pytest.approx([1 / 3, 2 / 3])
    assert rates[2] == 1
    assert rates[6] == pytest.approx(0.7)  # half way down
    assert rates[10] == pytest.approx(0.4)


def test_without_a_warm_up_the_learning_rate_starts_at_its_highest():
    rates = [learning_rate(1e-3, 0.4, step=step, total=10) for step in (0, 5, 10)]
    assert rates == pytest.approx([1e-3, 0.7e-3, 0.4e-3])
