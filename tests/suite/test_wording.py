"""Words and numbers for people: the same in the terminal and in the report."""

import pytest

from editrefiner.contracts import Operation, RegionPlan, ToolCall
from suite.wording import change, plan_phrase


@pytest.mark.parametrize(
    ("before", "after", "written"),
    [(81.6, 91.4, "+9.8"), (80.7, 80.5, "-0.2"), (76.9, 76.88, "0.0"), (50.0, 50.0, "0.0")],
)
def test_a_change_of_nothing_has_no_sign(before, after, written):
    assert change(before, after) == written


def test_tools_are_named_where_they_are_the_repair():
    calls = (ToolCall(name="mask", parameters={}), ToolCall(name="harmonize", parameters={}))

    def phrase(operation: Operation) -> str:
        return plan_phrase(RegionPlan(region_id="r1", operation=operation, tool_calls=calls))

    assert phrase(Operation.TOOLS) == "corrected with tools (harmonize)"
    assert phrase(Operation.RESTORE) == "restored from the source"
