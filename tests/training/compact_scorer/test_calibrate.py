"""Intervals cover what they say, and the margin is exceeded by no better edits as seldom as it says."""

import numpy as np
import pytest
import torch

from editrefiner.contracts import DIMENSIONS, Intervals, Scores, Tolerance, overall_score
from orchestrator.rounds import judge
from training.compact_scorer.calibrate import (
    COVERAGE,
    FALSE_ACCEPTS,
    Calibration,
    Familiar,
    Told,
    calibrated,
    differences,
    familiar,
    least_margin,
    novelty,
    widened,
)
from training.evaluation.losses import overall

EDITS_PER_SOURCE = 3


def told(sources: int, seed: int, *, error: float = 6.0, alike: bool = False) -> Told:
    """A scorer whose errors are as large as its spread says, times something that it does not know.

    Its three scores err apart, of edits that are good and bad at random; or `alike`, of edits all the same.
    """
    generator = torch.Generator().manual_seed(seed)
    count = EDITS_PER_SOURCE * sources
    truth = 25 + 50 * torch.rand((count, 3), generator=generator)
    spread = 0.5 + torch.rand((count, 3), generator=generator)
    noise = torch.randn((count, 3), generator=generator)
    if alike:
        truth, spread, noise = torch.full_like(truth, 50), torch.ones_like(spread), noise[:, :1]
    scores = truth + error * spread * noise
    mixing = torch.tensor([[3.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.2, 0.1], [0, 0, 0, 1]])
    embedding = torch.randn((count, 4), generator=generator) @ mixing + 5
    group = np.repeat(np.arange(sources), EDITS_PER_SOURCE)
    return Told(scores.clamp(1, 100), spread, embedding, truth, group)


KNOWN = familiar(told(400, seed=1).embedding)


def calibration(held_out: Told) -> Calibration:
    """What one set of edits gives for the intervals and for the margin."""
    return calibrated(held_out, held_out, KNOWN)


def test_intervals_cover_the_stated_share_of_unseen_edits_within_two_points() -> None:
    found = calibration(told(700, seed=2))
    unseen = told(2000, seed=3)

    wide = widened(unseen.spread, novelty(unseen.embedding, KNOWN), found.familiar)
    inside = (unseen.scores - unseen.truth).abs() <= wide * torch.tensor(found.widths)

    assert inside.float().mean(dim=0).tolist() == pytest.approx([COVERAGE] * 3, abs=0.02)


def test_a_refinement_keeps_no_more_than_the_stated_share_of_unseen_attempts_that_are_no_better() -> None:
    margin = least_margin(told(1500, seed=2, alike=True))
    unseen = told(3000, seed=3, alike=True)

    vain = kept = 0
    for start in range(0, len(unseen.group), EDITS_PER_SOURCE):
        base, better = unseen.scores[start], overall(unseen.truth[start : start + EDITS_PER_SOURCE])
        for index in range(1, EDITS_PER_SOURCE):
            if better[index] <= better[0]:
                candidate = unseen.scores[start + index]
                vain += 1
                kept += judge(scores(base, margin), {0: scores(candidate, margin)}, Tolerance()).accepted == 0

    assert kept / vain == pytest.approx(FALSE_ACCEPTS, abs=0.015)


def test_attempts_that_lose_too_much_in_one_score_ask_for_no_margin() -> None:
    truth = torch.full((6, 3), 50.0)
    scores = torch.tensor([[50.0, 50, 50], [95, 95, 47]] * 3)
    attempts = Told(scores, torch.ones(6, 3), torch.zeros(6, 4), truth, np.repeat(np.arange(3), 2))

    assert least_margin(attempts) == 0


def scores(values: torch.Tensor, margin: float) -> Scores:
    """As the service would answer them."""
    anywhere = (0.0, 100.0)
    intervals = Intervals(
        perceptual_quality=anywhere, instruction_following=anywhere, visual_consistency=anywhere
    )
    named = dict(zip(DIMENSIONS, values.tolist(), strict=True))
    return Scores(**named, intervals=intervals, decision_margin=margin)


def test_the_difference_spread_is_that_of_the_error_of_differences() -> None:
    found = calibration(told(700, seed=2))

    claimed, true = differences(told(2000, seed=3))

    assert found.difference_spread == pytest.approx(float(np.std(claimed - true)), rel=0.1)


def test_a_scorer_without_errors_needs_no_margin_and_no_width() -> None:
    found = calibration(told(100, seed=2, error=0.0))

    assert found.decision_margin == found.difference_spread == 0
    assert found.widths == pytest.approx((0, 0, 0), abs=1e-5)


def test_a_worse_scorer_gets_wider_intervals_and_a_larger_margin() -> None:
    good, bad = (calibration(told(300, seed=2, error=error, alike=True)) for error in (3.0, 9.0))

    assert all(narrow < wide for narrow, wide in zip(good.widths, bad.widths, strict=True))
    assert good.decision_margin < bad.decision_margin
    assert good.difference_spread < bad.difference_spread


def test_edits_of_one_source_are_compared_in_both_orders_and_with_no_others() -> None:
    truth = torch.tensor([[10.0] * 3, [40.0] * 3, [70.0] * 3])
    scores = torch.tensor([[10.0] * 3, [60.0, 50.0, 20.0], [70.0] * 3])
    few = Told(scores, torch.ones(3, 3), torch.zeros(3, 4), truth, np.array([1, 1, 2]))

    claimed, true = differences(few)

    gap = overall_score(60, 50, 20) - 10
    assert sorted(claimed) == pytest.approx([-gap, gap], abs=1e-4)
    assert sorted(true) == pytest.approx([-30, 30], abs=1e-4)


def test_the_training_set_itself_has_a_novelty_of_about_one() -> None:
    generator = torch.Generator().manual_seed(4)
    turned, _ = torch.linalg.qr(torch.randn((6, 6), generator=generator))
    uneven = torch.randn((3000, 6), generator=generator) * torch.tensor([1.0, 1, 2, 2, 3, 3])
    embedding = uneven @ turned + 7

    strange = novelty(embedding, familiar(embedding))

    assert float(strange.square().mean()) == pytest.approx(1, abs=0.15)
    assert float(strange.median()) == pytest.approx(1, abs=0.15)


def test_a_direction_that_the_training_set_does_not_know_is_strange_but_not_without_bound() -> None:
    flat = torch.randn((500, 4), generator=torch.Generator().manual_seed(4))
    flat[:, 3] = 2.0
    known = familiar(flat)

    same, off = torch.tensor([[0.0, 0, 0, 2]]), torch.tensor([[0.0, 0, 0, 12]])

    assert float(novelty(same, known)) < 0.5
    assert 10 < float(novelty(off, known)) < 100


def test_a_strange_edit_gets_a_wider_interval_and_a_familiar_one_is_left_alone() -> None:
    known = Familiar(torch.zeros(2), torch.eye(2))
    strange = novelty(torch.tensor([[0.5, 0.5], [3.0, 3.0]]), known)

    wide = widened(torch.tensor([[1.0, 2, 3], [1.0, 2, 3]]), strange, 1.5)

    assert wide.tolist() == [[1, 2, 3], [2, 4, 6]]
