"""What does a painter work on? The object of the request, or something beside it."""

from collections.abc import Callable
from functools import wraps

import numpy as np

from editrefiner.contracts import EditKind
from training.flaws.failures.shapes import content_of, everywhere, free
from training.flaws.failures.strength import between
from training.flaws.scene import Canvas, IdealEdit, Painted, Painter, Random, Segment

Sizes = tuple[float, float]
"""The smallest and the largest share of the frame."""
MaskPainter = Callable[[Canvas, np.ndarray, float, Random], Painted | None]
"""(canvas, (H, W) bool object or place, strength, random) -> the flaw there."""
BystanderPainter = Callable[[Canvas, Segment, float, Random], Painted | None]
"""(canvas, bystander, strength, random) -> the flaw on the bystander."""


def on_place(find: Callable[[IdealEdit], np.ndarray | None]) -> Callable[[MaskPainter], Painter]:
    """Makes a painter of one that needs a certain place of the edit, and paints where there is one."""

    def choosing(painter: MaskPainter) -> Painter:
        @wraps(painter)
        def paint(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
            place = find(canvas.edit)
            return None if place is None else painter(canvas, place, strength, rng)

        return paint

    return choosing


def on_object(*kinds: EditKind) -> Callable[[MaskPainter], Painter]:
    """Makes a painter of one that needs the object of a request of one of these kinds (of any, for none)."""
    return on_place(lambda edit: object_of(edit, *kinds))


def object_of(edit: IdealEdit, *kinds: EditKind) -> np.ndarray | None:
    """What a request of one of these kinds (of any, for none named) is about, on a part of the frame.

    None for other kinds, for the whole frame, and where the object is not in the picture.
    """
    content = content_of(edit)
    fits = not kinds or edit.kind in kinds
    return content if fits and not everywhere(edit) and content.any() else None


def on_bystander(
    weak: Sizes = (0.005, 0.12), gross: Sizes | None = None, *, things: bool = False
) -> Callable[[BystanderPainter], Painter]:
    """Makes a painter of one that needs a bystander; its size goes from `weak` to `gross` with strength."""

    def choosing(painter: BystanderPainter) -> Painter:
        @wraps(painter)
        def paint(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
            low, high = (between(strength, *ends) for ends in zip(weak, gross or weak, strict=True))
            thing = _bystander(canvas, rng, low, high, things=things)
            return None if thing is None else painter(canvas, thing, strength, rng)

        return paint

    return choosing


def _bystander(canvas: Canvas, rng: Random, low: float, high: float, *, things: bool) -> Segment | None:
    """Something that nobody asked to change, of a size between two shares of the frame; things come first.

    With `things`, no stuff: sky and grass do not go away or elsewhere.
    """
    room = free(canvas)
    fitting: list[Segment] = []
    for segment in canvas.edit.bystanders:
        if things and not segment.is_thing:
            continue
        mask = segment.mask & room
        if low <= mask.mean() <= high and mask.sum() > 0.85 * segment.mask.sum():
            fitting.append(Segment(segment.name, mask, segment.is_thing))
    if not fitting:
        return None
    weights = np.array([3.0 if segment.is_thing else 1.0 for segment in fitting])
    return fitting[int(rng.choice(len(fitting), p=weights / weights.sum()))]
