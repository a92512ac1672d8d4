"""What should be done to each region? Ranked choices by rule, and plans for whole candidates."""

import math
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from editrefiner.contracts import EditPlan, FlawKind, FlawType, Operation, RegionPlan, ToolCall
from services.action.context import INSIDE_EDIT, Placement
from services.action.regions import Target

WHOLE_FRAME = 0.6  # a region of more of the picture than this is the picture: the source is no repair of it
CAUTIOUS = 0.25  # of the usual reach while nobody says where the requested change is: it must not be undone
SMALL_IN_EDIT = 0.03  # share of the frame up to which content of the requested change may be filled in anew


class Recipe(StrEnum):
    """One way to repair a region."""

    DIFFUSION = "diffusion"
    RESTORE = "restore"
    RESTORE_WIDE = "restore_wide"
    MATCH_SOURCE = "match_source"
    MATCH_SURROUNDINGS = "match_surroundings"
    DENOISE = "denoise"
    SHARPEN = "sharpen"
    INPAINT = "inpaint"
    INPAINT_SHIFTS = "inpaint_shifts"

    @property
    def operation(self) -> Operation:
        """The operation of the contract that it is one form of."""
        return {
            Recipe.DIFFUSION: Operation.DIFFUSION,
            Recipe.RESTORE: Operation.RESTORE,
            Recipe.RESTORE_WIDE: Operation.RESTORE,
            Recipe.INPAINT: Operation.INPAINT,
            Recipe.INPAINT_SHIFTS: Operation.INPAINT,
        }.get(self, Operation.TOOLS)


R = Recipe
RESTORED = (R.RESTORE, R.RESTORE_WIDE)
FILLED = (R.INPAINT, R.INPAINT_SHIFTS)
KEPT: Mapping[FlawType | FlawKind, tuple[Recipe, ...]] = {
    # where the edit was to change nothing: the source shows what belongs there
    FlawType.DISTORTED_STRUCTURE: RESTORED,
    FlawType.UNNATURAL_TEXTURE: (*RESTORED, R.DENOISE),
    FlawType.BLUR: (*RESTORED, R.SHARPEN),
    FlawType.NOISE: (*RESTORED, R.DENOISE),
    FlawType.SEAM_OR_HALO: (*RESTORED, R.MATCH_SOURCE, R.INPAINT, R.MATCH_SURROUNDINGS),
    FlawType.COLOR_CAST: (*RESTORED, R.MATCH_SOURCE, R.MATCH_SURROUNDINGS),
    FlawType.LIGHTING_MISMATCH: (*RESTORED, R.MATCH_SOURCE, R.MATCH_SURROUNDINGS),
    FlawType.ILLEGIBLE_TEXT: (*RESTORED, R.SHARPEN),
    FlawType.DUPLICATED_CONTENT: (*RESTORED, *FILLED),
    FlawType.ANATOMY: RESTORED,
    FlawType.WRONG_CONTENT: (R.DIFFUSION, *RESTORED),
    FlawType.UNINTENDED_CHANGE: (*RESTORED, R.MATCH_SOURCE),
    FlawType.UNINTENDED_REMOVAL: RESTORED,
    FlawType.GEOMETRY_SHIFT: RESTORED,
    FlawType.GLOBAL_DRIFT: (R.MATCH_SOURCE, *RESTORED),
    FlawType.LEFTOVER: (*FILLED, R.DIFFUSION),
    FlawType.MISSING_EDIT: (R.DIFFUSION,),
    FlawType.INCOMPLETE_EDIT: (R.DIFFUSION,),
    FlawKind.ARTIFACT: (*RESTORED, *FILLED),
    FlawKind.EDITING_FAILURE: (*RESTORED, R.MATCH_SOURCE),
}
CHANGED: Mapping[FlawType | FlawKind, tuple[Recipe, ...]] = {
    # within the requested change: taking the source back would undo the edit, and so would filling in what
    # was added; what nothing else can mend waits for a generative editor
    FlawType.DISTORTED_STRUCTURE: (R.DIFFUSION,),
    FlawType.UNNATURAL_TEXTURE: (R.DIFFUSION, R.DENOISE),
    FlawType.BLUR: (R.SHARPEN, R.DIFFUSION),
    FlawType.NOISE: (R.DENOISE,),
    FlawType.SEAM_OR_HALO: (R.MATCH_SURROUNDINGS, R.DIFFUSION),
    FlawType.COLOR_CAST: (R.MATCH_SURROUNDINGS, R.DIFFUSION),
    FlawType.LIGHTING_MISMATCH: (R.MATCH_SURROUNDINGS, R.DIFFUSION),
    FlawType.ILLEGIBLE_TEXT: (R.DIFFUSION, R.SHARPEN),
    FlawType.DUPLICATED_CONTENT: (R.DIFFUSION,),
    FlawType.ANATOMY: (R.DIFFUSION,),
    FlawType.WRONG_CONTENT: (R.DIFFUSION,),
    FlawType.UNINTENDED_CHANGE: (R.MATCH_SURROUNDINGS, R.DIFFUSION),
    FlawType.UNINTENDED_REMOVAL: (R.DIFFUSION,),
    FlawType.GEOMETRY_SHIFT: (R.DIFFUSION,),
    FlawType.GLOBAL_DRIFT: (),
    FlawType.LEFTOVER: (*FILLED, R.DIFFUSION),
    FlawType.MISSING_EDIT: (R.DIFFUSION,),
    FlawType.INCOMPLETE_EDIT: (R.DIFFUSION,),
    FlawKind.ARTIFACT: (R.DIFFUSION, R.SHARPEN, R.DENOISE),
    FlawKind.EDITING_FAILURE: (R.DIFFUSION,),
}
EFFECTS = {
    R.DIFFUSION: "Paints the area anew as instructed.",
    R.RESTORE: "Brings the source's content back here, in the tone of the edited picture.",
    R.RESTORE_WIDE: "Brings the source's content back here and in the change that spills over its border.",
    R.MATCH_SOURCE: "Gives the area the colour and light that it has in the source and keeps its texture.",
    R.MATCH_SURROUNDINGS: "Brings the colour and light of the area to those around it.",
    R.DENOISE: "Smooths noise down to the level around the area and keeps edges.",
    R.SHARPEN: "Sharpens the area to the level of detail around it.",
    R.INPAINT: "Replaces the area by texture from its surroundings.",
    R.INPAINT_SHIFTS: "Replaces the area by whole pieces of its surroundings.",
}


def choices(target: Target, placement: Placement, operations: frozenset[Operation]) -> tuple[RegionPlan, ...]:
    """What may be done to a region, best first; empty when it is better left alone."""
    diagnosis = target.diagnosis
    if diagnosis is not None and (not diagnosis.is_flaw or diagnosis.suggested_operation is Operation.LEAVE):
        return ()
    suggested = None if diagnosis is None else diagnosis.suggested_operation
    recipes = [
        recipe
        for recipe in _ranked(target, placement, suggested)
        if recipe.operation in operations and _is_possible(recipe, placement, suggested)
    ]
    return tuple(_plan(recipe, target, placement) for recipe in recipes)


def candidate_plans(
    order: tuple[str, ...], menus: Mapping[str, tuple[RegionPlan, ...]], count: int, attempt: int
) -> list[EditPlan]:
    """`count` plans or fewer, best guess first; a later attempt goes on where the one before stopped.

    `order` names the regions, most in need first. Once all plans are used up, those that draw on chance come
    again, for another seed.
    """
    plans = list(_unique(_combinations(order, menus)))
    start = attempt * count
    if start < len(plans):
        return plans[start : start + count]
    by_chance = [plan for plan in plans if any(is_random(region) for region in plan.regions)]
    return by_chance[:count]


def is_random(plan: RegionPlan) -> bool:
    """Whether another seed gives another repair."""
    return plan.operation in {Operation.DIFFUSION, Operation.INPAINT}


def left(region_id: str) -> RegionPlan:
    """The plan of a region that is not touched."""
    return RegionPlan(region_id=region_id, operation=Operation.LEAVE, expected_effect="Stays as it is.")


def need(target: Target) -> float:
    """How much a region asks for repair, to rank regions by."""
    severity = target.saliency if target.diagnosis is None else target.diagnosis.severity
    return severity * math.sqrt(target.area)


def _ranked(target: Target, placement: Placement, suggested: Operation | None) -> list[Recipe]:
    table = CHANGED if placement.inside_edit >= INSIDE_EDIT else KEPT
    known = target.kind if target.diagnosis is None else target.diagnosis.flaw_type
    recipes = list(table[known])
    if suggested is None:
        return recipes
    fitting = [r for r in recipes if r.operation is suggested] or list(_BY_OPERATION[suggested])
    return fitting + [r for r in recipes if r not in fitting]


_BY_OPERATION: Mapping[Operation, tuple[Recipe, ...]] = {
    Operation.DIFFUSION: (R.DIFFUSION,),
    Operation.TOOLS: (R.MATCH_SURROUNDINGS,),
    Operation.RESTORE: RESTORED,
    Operation.INPAINT: FILLED,
    Operation.LEAVE: (),
}


def _is_possible(recipe: Recipe, placement: Placement, suggested: Operation | None) -> bool:
    inside = placement.inside_edit >= INSIDE_EDIT
    match recipe:
        case Recipe.RESTORE | Recipe.RESTORE_WIDE:
            whole = placement.frame_share > WHOLE_FRAME and suggested is not Operation.RESTORE
            return placement.source_applies and not whole
        case Recipe.MATCH_SOURCE:
            return placement.source_applies
        case Recipe.INPAINT | Recipe.INPAINT_SHIFTS:
            allowed = SMALL_IN_EDIT if inside and suggested is not Operation.INPAINT else WHOLE_FRAME
            return placement.frame_share <= allowed
        case _:
            return True


def _plan(recipe: Recipe, target: Target, placement: Placement) -> RegionPlan:
    instruction = "" if target.diagnosis is None else target.diagnosis.edit_instruction
    return RegionPlan(
        region_id=target.id,
        operation=recipe.operation,
        instruction=instruction,
        tool_calls=(_extent(recipe, math.sqrt(target.area), placement.edit_known), *_TOOLS.get(recipe, ())),
        expected_effect=EFFECTS[recipe],
    )


_TOOLS: Mapping[Recipe, tuple[ToolCall, ...]] = {
    R.RESTORE: (ToolCall(name="restore"),),
    R.RESTORE_WIDE: (ToolCall(name="restore"),),
    R.MATCH_SOURCE: (ToolCall(name="harmonize", parameters={"reference": 1.0, "strength": 1.0}),),
    R.MATCH_SURROUNDINGS: (ToolCall(name="harmonize", parameters={"reference": 0.0, "strength": 1.0}),),
    R.DENOISE: (ToolCall(name="denoise", parameters={"strength": 1.0}),),
    R.SHARPEN: (ToolCall(name="sharpen", parameters={"strength": 1.0}),),
    R.INPAINT: (ToolCall(name="inpaint", parameters={"method": 0.0}),),
    R.INPAINT_SHIFTS: (ToolCall(name="inpaint", parameters={"method": 1.0}),),
}


def _extent(recipe: Recipe, side_px: float, edit_known: bool) -> ToolCall:
    """Margins in proportion to the region: a wide feather on a small flaw would wash it out."""
    feather = min(max(0.03 * side_px, 2.0), 16.0)
    grow = min(max(0.02 * side_px, 1.0), 8.0)
    reach = {R.RESTORE: 4 + 0.15 * side_px, R.RESTORE_WIDE: 12 + 0.5 * side_px}.get(recipe, 0.0)
    if not edit_known:
        reach *= CAUTIOUS
    parameters = {"grow_px": grow, "feather_px": feather, "reach_px": min(reach, 256.0)}
    return ToolCall(name="mask", parameters={name: round(value, 1) for name, value in parameters.items()})


Pick = Callable[[str], int | None]
"""Which entry of its menu a region takes; None = it is left."""


def _combinations(order: tuple[str, ...], menus: Mapping[str, tuple[RegionPlan, ...]]) -> Iterator[EditPlan]:
    """Plans for all regions together, from the best guess to the far-fetched."""
    open_regions = [region for region in order if menus[region]]
    deepest = max((len(menus[region]) for region in open_regions), default=0)
    for depth in range(deepest):
        yield _compose(order, menus, lambda region, d=depth: min(d, len(menus[region]) - 1))
        if depth == 1:
            yield from (_compose(order, menus, _only(region, 0)) for region in open_regions[:1])
    for depth in range(deepest):
        for region in open_regions:
            yield _compose(order, menus, _only(region, depth))


def _only(chosen: str, depth: int) -> Pick:
    return lambda region: depth if region == chosen else None


def _compose(order: tuple[str, ...], menus: Mapping[str, tuple[RegionPlan, ...]], pick: Pick) -> EditPlan:
    plans = []
    for region in order:
        number = pick(region)
        fits = number is not None and 0 <= number < len(menus[region])
        plans.append(menus[region][number] if fits and number is not None else left(region))
    return EditPlan(regions=tuple(plans))


def _unique(plans: Iterator[EditPlan]) -> Iterator[EditPlan]:
    seen: set[str] = set()
    for plan in plans:
        text = plan.model_dump_json()
        if any(region.operation is not Operation.LEAVE for region in plan.regions) and text not in seen:
            seen.add(text)
            yield plan
