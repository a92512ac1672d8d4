"""What is done follows from the diagnosis, from where the requested change is, and from what can be done."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editrefiner.contracts import EditPlan, FlawKind, FlawType, Operation, RegionPlan
from services.action import alignment
from services.action.context import Placement
from services.action.extent import BOUNDS, Extent
from services.action.planning import Recipe, candidate_plans, choices, is_random, left, need
from services.action.regions import Target
from services.action.tone import Tone
from tests.action.scenes import diagnosis, marked, textured

EVERYTHING = frozenset(Operation)
COMPACT = frozenset({Operation.RESTORE, Operation.TOOLS, Operation.INPAINT})
MASK = marked(textured())[50:98, 60:116]


def target(flaw_type: FlawType | None = None, operation: Operation | None = None, name: str = "r1", **fields):
    flaw = None
    if flaw_type is not None:
        flaw = diagnosis(name, flaw_type, operation or Operation.RESTORE, **fields)
    return Target(name, FlawKind.ARTIFACT, (60, 50, 116, 98), MASK, 0.5, flaw)


def placement(
    *, inside: float = 0.0, match: float = 0.9, share: float = 0.09, known: bool = True
) -> Placement:
    return Placement(alignment.identity(), Tone.identity(), match, inside, share, known)


def tools(plans: tuple[RegionPlan, ...]) -> list[str]:
    return [call.name for plan in plans for call in plan.tool_calls if call.name != "mask"]


@pytest.mark.parametrize(
    ("flaw_type", "operation", "first"),
    [
        (FlawType.BLUR, Operation.RESTORE, "restore"),
        (FlawType.BLUR, Operation.TOOLS, "sharpen"),
        (FlawType.NOISE, Operation.TOOLS, "denoise"),
        (FlawType.COLOR_CAST, Operation.TOOLS, "harmonize"),
        (FlawType.LEFTOVER, Operation.INPAINT, "inpaint"),
        (FlawType.UNINTENDED_REMOVAL, Operation.RESTORE, "restore"),
        (FlawType.DUPLICATED_CONTENT, Operation.INPAINT, "inpaint"),
    ],
)
def test_the_diagnosis_says_what_is_tried_first(
    flaw_type: FlawType, operation: Operation, first: str
) -> None:
    assert tools(choices(target(flaw_type, operation), placement(), COMPACT))[0] == first


@pytest.mark.parametrize("flaw_type", list(FlawType))
def test_every_flaw_type_has_a_plan_for_an_editor_that_can_do_everything(flaw_type: FlawType) -> None:
    assert choices(target(flaw_type), placement(), EVERYTHING)


@pytest.mark.parametrize("flaw_type", list(FlawType))
def test_nothing_is_planned_that_the_editor_cannot_do(flaw_type: FlawType) -> None:
    for suggested, inside in itertools.product(Operation, (0.0, 1.0)):
        plans = choices(target(flaw_type, suggested), placement(inside=inside), COMPACT)

        assert {plan.operation for plan in plans} <= COMPACT


@pytest.mark.parametrize("flaw_type", list(FlawType))
def test_within_the_requested_change_the_source_is_never_brought_back(flaw_type: FlawType) -> None:
    plans = choices(target(flaw_type, Operation.RESTORE), placement(inside=1.0), EVERYTHING)

    assert Operation.RESTORE not in {plan.operation for plan in plans}


@pytest.mark.parametrize("flaw_type", list(FlawType))
def test_a_source_that_explains_nothing_around_a_region_is_not_used(flaw_type: FlawType) -> None:
    plans = choices(target(flaw_type, Operation.RESTORE), placement(match=0.1), EVERYTHING)

    assert Operation.RESTORE not in {plan.operation for plan in plans}


def test_the_whole_frame_is_taken_back_only_on_request() -> None:
    whole = placement(share=0.9)

    asked = choices(target(FlawType.DISTORTED_STRUCTURE, Operation.RESTORE), whole, COMPACT)
    unasked = choices(target(FlawType.DISTORTED_STRUCTURE, Operation.INPAINT), whole, COMPACT)

    assert Operation.RESTORE in {plan.operation for plan in asked}
    assert unasked == ()


def test_the_repair_reaches_less_far_while_nobody_says_where_the_change_is() -> None:
    plans = [choices(target(FlawType.BLUR), placement(known=known), COMPACT)[0] for known in (True, False)]

    told, untold = (Extent.of(plan) for plan in plans)

    assert untold.reach_px < told.reach_px
    assert (untold.grow_px, untold.feather_px) == (told.grow_px, told.feather_px)


def test_without_a_diagnosis_the_kind_decides() -> None:
    assert tools(choices(target(), placement(), COMPACT))[0] == "restore"


@pytest.mark.parametrize(
    "fields", [{"is_flaw": False}, {"operation": Operation.LEAVE}], ids=["no flaw", "leave"]
)
def test_what_is_better_left_alone_has_no_choices(fields: dict) -> None:
    assert choices(target(FlawType.BLUR, **fields), placement(), EVERYTHING) == ()


def test_the_region_s_instruction_reaches_the_editor() -> None:
    wished = "Write OPEN on the sign."

    plan = choices(target(FlawType.ILLEGIBLE_TEXT, edit_instruction=wished), placement(), EVERYTHING)[0]

    assert plan.instruction == wished
    assert plan.expected_effect


@pytest.mark.parametrize("recipe", list(Recipe))
def test_every_recipe_is_a_form_of_an_operation_that_changes_something(recipe: Recipe) -> None:
    assert recipe.operation is not Operation.LEAVE


def test_the_more_severe_and_the_larger_region_comes_first() -> None:
    mild, severe = target(FlawType.BLUR, severity=0.2), target(FlawType.BLUR, severity=0.9)

    assert need(severe) > need(mild) > 0


menus = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.lists(st.sampled_from(["restore", "inpaint", "tools"]), unique=True, max_size=3),
    min_size=1,
)


def menu(name: str, operations: list[str]) -> tuple[RegionPlan, ...]:
    return tuple(RegionPlan(region_id=name, operation=Operation(operation)) for operation in operations)


@settings(deadline=None)
@given(offered=menus, count=st.integers(1, 8), attempt=st.integers(0, 3))
def test_plans_keep_to_the_budget_name_every_region_and_differ(
    offered: dict[str, list[str]], count: int, attempt: int
) -> None:
    by_name = {name: menu(name, operations) for name, operations in offered.items()}

    plans = candidate_plans(tuple(by_name), by_name, count, attempt)

    assert len(plans) <= count
    assert len({plan.model_dump_json() for plan in plans}) == len(plans)
    for plan in plans:
        assert [region.region_id for region in plan.regions] == list(by_name)
        assert any(region.operation is not Operation.LEAVE for region in plan.regions)
        assert all(
            region in by_name[region.region_id] or region == left(region.region_id) for region in plan.regions
        )


@settings(deadline=None)
@given(offered=menus, count=st.integers(1, 4))
def test_a_later_attempt_does_not_repeat_what_was_rejected(offered: dict[str, list[str]], count: int) -> None:
    by_name = {name: menu(name, operations) for name, operations in offered.items()}
    seen: list[EditPlan] = []

    for attempt in range(6):
        for plan in candidate_plans(tuple(by_name), by_name, count, attempt):
            assert plan not in seen or any(is_random(region) for region in plan.regions)
            seen.append(plan)


def test_the_first_plan_repairs_every_region_the_best_way() -> None:
    by_name = {name: menu(name, ["restore", "inpaint"]) for name in ("a", "b")}

    first = candidate_plans(("a", "b"), by_name, 4, 0)[0]

    assert [region.operation for region in first.regions] == [Operation.RESTORE, Operation.RESTORE]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*BOUNDS, "colour"]), st.floats(-1e6, 1e6)))
def test_an_extent_stays_within_its_bounds(parameters: dict[str, float]) -> None:
    plan = choices(target(FlawType.BLUR), placement(), COMPACT)[0]
    call = plan.tool_calls[0].model_copy(update={"parameters": parameters})

    extent = Extent.of(plan.model_copy(update={"tool_calls": (call,)}))

    for name, (low, high) in BOUNDS.items():
        assert low <= getattr(extent, name) <= high
