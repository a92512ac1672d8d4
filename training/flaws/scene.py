"""What does a generator work on? A photograph with its segments, an ideal edit of it, and a painted flaw."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from editrefiner.contracts import EditKind, FlawType

Random = np.random.Generator


@dataclass(frozen=True)
class Segment:
    """One thing of a photograph."""

    name: str
    """How people call it, e.g. `dog` or `rock`; `area` where nobody named it."""
    mask: np.ndarray
    """(H, W) bool."""
    is_thing: bool = True
    """False for stuff such as sky or grass."""


@dataclass(frozen=True)
class Scene:
    """A photograph to edit."""

    picture: np.ndarray
    """(H, W, 3) uint8 RGB, read-only."""
    segments: tuple[Segment, ...]
    """Largest first; may overlap where they come from different methods; may be empty."""
    origin: str
    """Folder and file name of the photograph."""


@dataclass(frozen=True)
class IdealEdit:
    """What a perfect editor makes of a source, pixel for pixel."""

    source: np.ndarray
    """(H, W, 3) uint8: the given photograph, or, for a removal, the photograph with something put in."""
    ideal: np.ndarray
    """(H, W, 3) uint8: the requested change and nothing else."""
    instruction: str
    kind: EditKind
    intended: np.ndarray
    """(H, W) bool: where the requested change is; all True when it is the whole frame."""
    target: str = ""
    """How the instruction calls the thing to change; empty for the whole picture."""
    content: np.ndarray | None = None
    """(H, W) bool: the object itself (what was added, removed, recoloured), without shadow or rim."""
    bystanders: tuple[Segment, ...] = ()
    """Segments of the ideal that nobody asked to change (they hardly overlap `intended`)."""
    wrong: Callable[[Random], tuple[np.ndarray, str] | None] | None = None
    """Another result than was asked for (another colour, another object): picture (H, W, 3) uint8 that
    differs from the source only within `intended`, and a clause that says what is there instead."""
    parts: tuple["IdealEdit", ...] = ()
    """For a compound instruction: its single requests, in order, each on the same source."""


@dataclass(frozen=True)
class Canvas:
    """What a painter of flaws may look at."""

    edit: IdealEdit
    picture: np.ndarray
    """(H, W, 3) uint8: the ideal with the flaws painted so far; never written to."""
    taken: np.ndarray
    """(H, W) bool: where flaws are already."""
    other: np.ndarray
    """(h, w, 3) uint8: another photograph, any size."""


@dataclass(frozen=True)
class Painted:
    """One flaw on the picture."""

    picture: np.ndarray
    """(H, W, 3) uint8."""
    mask: np.ndarray
    """(H, W) bool: what a person would mark as flawed; tight."""
    description: str
    """One or two English sentences: what is seen, and why it is a flaw relative to the instruction."""
    thing: np.ndarray | None = None
    """(H, W) bool: the semantic object that the flaw belongs to, for its box; None = the mask itself."""


Painter = Callable[[Canvas, float, Random], Painted | None]
"""(canvas, strength in 0..1, random) -> the flaw; None where the canvas has no fitting place for it.
Strength 0 is near the visible limit, 0.5 clearly visible, 1 gross. Pixels outside the mask (plus a soft rim
of a few pixels) stay as they are."""


@dataclass(frozen=True)
class Generator:
    """A painter with its name."""

    flaw_type: FlawType
    name: str
    """Unique, `<flaw type>.<manner>`, e.g. `blur.motion`."""
    paint: Painter
    inside_edit: bool | None = None
    """True: only ever inside the requested change; False: only outside; None: anywhere."""


@dataclass(frozen=True)
class Flaw:
    """A painted flaw with everything that is known about it."""

    flaw_type: FlawType
    generator: str
    mask: np.ndarray = field(repr=False)
    """(H, W) bool."""
    box: tuple[int, int, int, int]
    """x0, y0, x1, y1, exclusive: the whole object with the flaw."""
    strength: float
    severity: float
    """0..1, how visible it is."""
    description: str
