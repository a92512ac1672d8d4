"""What turns a painter into a generator of fair examples? New tries, a last check, and a name."""

from collections.abc import Callable
from functools import wraps

import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.failures.mixing import difference
from training.flaws.failures.shapes import RIM_PX, grown
from training.flaws.scene import Canvas, Generator, Painted, Painter, Random

MIN_VISIBLE = 4.0  # mean absolute difference to the ideal inside the mask, of 255; less is re-encoding noise
MIN_AREA = 0.003
MAX_AREA = 0.13
MAX_TAKEN = 0.15  # share of a mask that may already be flawed


def finished(
    canvas: Canvas,
    picture: np.ndarray,
    mask: np.ndarray,
    description: str,
    *,
    largest: float = MAX_AREA,
    thing: np.ndarray | None = None,
) -> Painted | None:
    """The flaw, kept within its rim; None where it is too small, too large, unseen or not alone."""
    area = float(mask.mean())
    if not MIN_AREA <= area <= largest or (mask & canvas.taken).sum() > MAX_TAKEN * mask.sum():
        return None
    picture = np.where(grown(mask, RIM_PX)[..., None], picture, canvas.picture)
    against_ideal = float(difference(picture, canvas.edit.ideal)[mask].mean())
    against_before = float(difference(picture, canvas.picture)[mask].mean())
    if min(against_ideal, against_before) < MIN_VISIBLE:
        return None
    return Painted(picture, mask, description, thing)


def tries(count: int) -> Callable[[Painter], Painter]:
    """Makes a painter start over, with other random numbers, until what it paints is a fair example."""

    def persistent(painter: Painter) -> Painter:
        @wraps(painter)
        def paint(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
            for _ in range(count):
                flaw = painter(canvas, strength, rng)
                if flaw is not None:
                    return flaw
            return None

        return paint

    return persistent


def generator(
    flaw_type: FlawType, manner: str, paint: Painter, *, inside_edit: bool | None = None
) -> Generator:
    """A painter under the name of the failure and of the manner in which it shows."""
    return Generator(flaw_type, f"{flaw_type}.{manner}", paint, inside_edit)
