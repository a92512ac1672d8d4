"""Which generators of flaws are there, and which of them does training never see?"""

from collections.abc import Callable, Mapping
from typing import Literal

from editrefiner.contracts import FlawType
from training.flaws.artifacts import ARTIFACTS
from training.flaws.failures import FAILURES
from training.flaws.scene import Generator, IdealEdit, Random, Scene

GENERATORS: tuple[Generator, ...] = (*ARTIFACTS, *FAILURES)
UNSEEN: frozenset[str] = frozenset(
    {
        "distorted_structure.swirl",
        "unnatural_texture.worms",
        "blur.motion",
        "seam_or_halo.double_edge",
        "color_cast.fringe",
        "duplicated_content.mirrored",
        "incomplete_edit.patchy",
        "unintended_change.rewoven",
        "unintended_removal.dissolved",
        "geometry_shift.rotated",
        "leftover.smear",
    }
)
"""Kept from training and from every choice made while training; for the report alone."""

EditMaker = Callable[[Scene, Scene, Random], IdealEdit | None]
LOCAL = ("recolor", "retone", "add", "remove", "replace", "background", "material", "text")
EDITS_FOR: Mapping[FlawType, tuple[str, ...]] = {
    FlawType.MISSING_EDIT: LOCAL,
    FlawType.INCOMPLETE_EDIT: LOCAL,
    FlawType.LEFTOVER: ("remove", "replace"),
    FlawType.GLOBAL_DRIFT: LOCAL,
    FlawType.WRONG_CONTENT: (*LOCAL, "tone"),
}
"""Edits that a type of flaw can be shown on; any edit for types that are not named."""

Use = Literal["seen", "unseen", "all"]


def usable(use: Use) -> tuple[Generator, ...]:
    """The generators that training sees, those that it does not, or all."""
    return tuple(g for g in GENERATORS if use == "all" or (g.name in UNSEEN) == (use == "unseen"))


def choose_type(use: Use, rng: Random) -> FlawType:
    """A type of flaw, each as often as any other."""
    types = sorted({generator.flaw_type for generator in usable(use)})
    return types[int(rng.integers(len(types)))]


def choose(flaw_type: FlawType, use: Use, rng: Random) -> Generator:
    """A generator of a type, each as often as any other."""
    menu = [generator for generator in usable(use) if generator.flaw_type is flaw_type]
    if not menu:
        raise LookupError(f"no {use} generator paints {flaw_type}")
    return menu[int(rng.integers(len(menu)))]
