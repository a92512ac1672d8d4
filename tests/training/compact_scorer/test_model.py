"""What the compact scorer's network answers, and how edits of one source are put in order."""

from dataclasses import replace

import pytest
import torch

from services.evaluation.backends.evidence import PLANES, WHOLE
from training.compact_detector.model import TAPS
from training.compact_scorer.model import DIMENSIONS, LEVELS, Committee, Inputs, Judge
from training.compact_scorer.train import Batch, gap_loss, mirrored

GENERATOR = torch.Generator().manual_seed(6)


def inputs(count: int = 2, height: int = 12, width: int = 16, scale: float = 1.0) -> Inputs:
    def drawn(*shape: int) -> torch.Tensor:
        return scale * torch.randn(shape, generator=GENERATOR)

    middle = drawn(count, TAPS[4], height, width), drawn(count, TAPS[4], height, width)
    coarse = (
        drawn(count, TAPS[10], height // 2, width // 2),
        drawn(count, TAPS[10], height // 2, width // 2),
    )
    return Inputs(drawn(count, len(PLANES), height, width).clamp(-1, 1), drawn(count, WHOLE), middle, coarse)


def judge() -> Judge:
    torch.manual_seed(1)
    return Judge().eval()


@pytest.mark.parametrize(("height", "width"), [(12, 16), (8, 8), (20, 10)])
def test_every_answer_has_its_shape_whatever_the_size(height: int, width: int) -> None:
    with torch.inference_mode():
        told = judge()(inputs(3, height, width))

    assert told.levels.shape == (3, DIMENSIONS, len(LEVELS))
    assert told.scores.shape == told.spread.shape == (3, DIMENSIONS)
    assert told.damage.shape == (3, DIMENSIONS, height, width)
    assert told.embedding.shape[0] == 3


@pytest.mark.parametrize("scale", [0.0, 1.0, 1000.0])
def test_scores_are_on_the_scale_and_spreads_above_nothing_for_wild_inputs_too(scale: float) -> None:
    with torch.inference_mode():
        told = judge()(inputs(4, scale=scale))

    assert torch.isfinite(told.spread).all()
    assert told.spread.min() > 0
    assert told.scores.min() >= 0
    assert told.scores.max() <= 100


def test_an_edit_is_judged_alike_alone_and_among_others() -> None:
    several = inputs(3)
    alone = Inputs(
        several.planes[1:2],
        several.whole[1:2],
        (several.middle[0][1:2], several.middle[1][1:2]),
        (several.coarse[0][1:2], several.coarse[1][1:2]),
    )
    network = judge()

    with torch.inference_mode():
        among, by_itself = network(several).scores[1], network(alone).scores[0]

    assert torch.allclose(among, by_itself, atol=1e-3)


@pytest.mark.parametrize("name", ["planes", "whole", "middle", "coarse"])
def test_every_input_matters(name: str) -> None:
    first, second = inputs(1), inputs(1)
    network = judge()

    with torch.inference_mode():
        before, after = network(first), network(replace(first, **{name: getattr(second, name)}))

    assert not torch.equal(before.scores, after.scores)


def batch(count: int = 2) -> Batch:
    given = inputs(count)
    damage = torch.rand((count, 3, 12, 16), generator=GENERATOR)
    return Batch(given, 100 * torch.rand((count, 3), generator=GENERATOR), damage, torch.arange(count))


def test_a_mirrored_batch_swaps_left_and_right_and_nothing_else() -> None:
    before = batch()

    after = mirrored(before)

    assert torch.equal(after.inputs.planes[..., 0], before.inputs.planes[..., -1])
    assert torch.equal(after.inputs.middle[1][..., 0], before.inputs.middle[1][..., -1])
    assert torch.equal(after.inputs.coarse[0][..., 0], before.inputs.coarse[0][..., -1])
    assert torch.equal(after.damage[..., 0], before.damage[..., -1])
    assert torch.equal(after.inputs.whole, before.inputs.whole)
    assert torch.equal(after.scores, before.scores)
    assert torch.equal(after.group, before.group)


def test_a_batch_that_is_mirrored_twice_is_as_before() -> None:
    before = batch()

    after = mirrored(mirrored(before))

    assert torch.equal(after.inputs.planes, before.inputs.planes)
    assert torch.equal(after.inputs.middle[0], before.inputs.middle[0])
    assert torch.equal(after.damage, before.damage)


def gap(scores: list[float], truth: list[float], group: list[int]) -> float:
    return float(gap_loss(torch.tensor(scores), torch.tensor(truth), torch.tensor(group)))


def test_edits_of_one_source_that_are_as_far_apart_as_in_truth_cost_nothing() -> None:
    assert gap([70.0, 90.0], [40.0, 60.0], [1, 1]) == pytest.approx(0, abs=1e-6)


def test_a_wrong_difference_costs_as_many_hundredths_as_points_are_lacking() -> None:
    assert gap([60.0, 50.0], [40.0, 60.0], [1, 1]) == pytest.approx(0.3)


def test_edits_of_different_sources_are_not_compared() -> None:
    assert gap([60.0, 10.0], [40.0, 60.0], [1, 2]) == 0


def test_the_better_edit_is_drawn_up_and_the_worse_one_down() -> None:
    scores = torch.tensor([60.0, 50.0], requires_grad=True)

    gap_loss(scores, torch.tensor([40.0, 60.0]), torch.tensor([1, 1])).backward()

    assert scores.grad is not None
    assert scores.grad[0] > 0 > scores.grad[1]


def test_a_batch_of_single_edits_has_a_gradient_of_nothing() -> None:
    scores = torch.tensor([60.0], requires_grad=True)

    gap_loss(scores, torch.tensor([40.0]), torch.tensor([1])).backward()

    assert scores.grad is not None
    assert scores.grad.tolist() == [0]


def test_a_committee_answers_the_mean_of_its_judges_and_is_less_sure_where_they_disagree() -> None:
    torch.manual_seed(2)
    judges = [judge(), Judge().eval()]
    given = inputs(3)
    with torch.inference_mode():
        each = [single(given) for single in judges]
        together = Committee(judges)(given)
        agreeing = Committee([judges[0], judges[0]])(given)

    torch.testing.assert_close(together.scores, (each[0].scores + each[1].scores) / 2)
    torch.testing.assert_close(agreeing.spread, each[0].spread)
    apart = (each[0].scores - each[1].scores).abs() / 2
    own = ((each[0].spread.square() + each[1].spread.square()) / 2).sqrt()
    assert apart.min() > 0
    assert (together.spread > own).all()
    assert together.embedding.shape[1] == 2 * each[0].embedding.shape[1]
