"""Drawings and numbers of the report."""

from dataclasses import replace

import numpy as np

from editrefiner.contracts import DIMENSIONS
from suite.report.charts import interval_of, score_charts


def test_the_chart_follows_the_best_picture_and_keeps_rejected_rounds_level(refinement):
    overall = score_charts(refinement.result.scores_before, refinement.iterations)[0]

    assert [mark.text for mark in overall.marks] == [
        "as given: 69.1 (58.9 to 77.9)",
        "after round 1: 78.4 (68.0 to 87.4)",
        "after round 2: 78.4 (68.0 to 87.4)",
    ]
    assert overall.marks[1].y == overall.marks[2].y < overall.marks[0].y
    assert [dot.accepted for dot in overall.dots] == [False, True, False]


def test_the_interval_of_a_plain_mean_is_the_plain_mean_of_the_ends(refinement):
    scores = refinement.result.scores_before.model_copy(update={"overall_kind": "arithmetic"})
    ends = [getattr(scores.intervals, name) for name in DIMENSIONS]

    low, high = interval_of(scores, "overall")

    assert (low, high) == (sum(low for low, _ in ends) / 3, sum(high for _, high in ends) / 3)
    assert low < scores.overall < high


def test_a_perfect_edit_that_was_left_alone_has_charts(refinement):
    sure = dict.fromkeys(DIMENSIONS, (100.0, 100.0))
    intervals = refinement.result.scores_before.intervals.model_copy(update=sure)
    perfect = dict.fromkeys(DIMENSIONS, 100.0)
    scores = refinement.result.scores_before.model_copy(update={**perfect, "intervals": intervals})

    for chart in score_charts(scores, ()):
        assert [row.label for row in chart.rows] == ["90", "100"]
        assert chart.marks[0].y == chart.rows[-1].at


def test_the_mask_of_a_refinement_is_the_union_of_accepted_rounds(refinement, artifacts):
    one, two = np.zeros((400, 600), np.uint8), np.zeros((400, 600), np.uint8)
    one[:10, :10], two[5:20, 5:20] = 255, 128
    masks = (artifacts.put_pixels(one), artifacts.put_pixels(two))

    union = replace(refinement, result=refinement.result.model_copy(update={"masks": masks})).mask()

    assert union is not None
    assert (union[7, 7], union[15, 15], union[30, 30]) == (255, 128, 0)
