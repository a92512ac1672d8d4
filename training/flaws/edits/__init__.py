"""Which ideal edits can be made of a photograph, and how often is each drawn?"""

from collections.abc import Callable

from training.flaws.edits.backdrop import background
from training.flaws.edits.matter import material
from training.flaws.edits.objects import add, remove, replace
from training.flaws.edits.sign import text
from training.flaws.edits.surface import recolor, retone
from training.flaws.edits.together import compound
from training.flaws.edits.tone import style, tone
from training.flaws.scene import IdealEdit, Random, Scene

__all__ = ["EDITS", "Maker", "compound"]

Maker = Callable[[Scene, Scene, Random], IdealEdit | None]
"""(photograph, another to cut things out of, random) -> an edit; None where there is no place for it."""

EDITS: tuple[tuple[str, float, Maker], ...] = (
    ("recolor", 0.18, recolor),
    ("retone", 0.05, retone),
    ("tone", 0.11, tone),
    ("style", 0.07, style),
    ("add", 0.16, add),
    ("remove", 0.14, remove),
    ("replace", 0.10, replace),
    ("background", 0.07, background),
    ("material", 0.07, material),
    ("text", 0.05, text),
)
"""Name, weight at drawing, maker."""
