"""What does it look like when something is gone that was to stay?"""

import cv2
import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.failures.filling import filled, smeared
from training.flaws.failures.finishing import finished, generator, tries
from training.flaws.failures.mixing import blended, confined, difference, seen
from training.flaws.failures.shapes import free, grown, half, soft, waves
from training.flaws.failures.strength import between
from training.flaws.failures.subjects import on_bystander
from training.flaws.failures.telling import called, capital, said, whereabouts
from training.flaws.scene import Canvas, Painted, Random, Segment

LOST = (0.004, 0.03), (0.015, 0.09)  # a larger hole cannot be closed credibly from one picture


def _gone(canvas: Canvas, thing: Segment, picture: np.ndarray, rng: Random) -> Painted | None:
    hole = thing.mask
    mask = seen(canvas.picture, picture, hole, level=4.0)
    if mask.sum() < 0.3 * hole.sum():
        return None  # it was replaced by something that looks the same
    name = called(thing.name)
    text = said(
        rng,
        f"{capital(name)} {whereabouts(hole)} has vanished, although nobody asked for its removal.",
        f'"{canvas.edit.instruction}" does not touch {name}, yet it is missing {whereabouts(hole)}.',
    )
    return finished(canvas, picture, hole, text, thing=hole)


@tries(3)
@on_bystander(*LOST, things=True)
def _erased(canvas: Canvas, thing: Segment, _strength: float, rng: Random) -> Painted | None:
    """A bystander is gone without a trace."""
    return _gone(canvas, thing, filled(canvas.picture, grown(thing.mask, 2), rng), rng)


@tries(3)
@on_bystander(*LOST, things=True)
def _smeared(canvas: Canvas, thing: Segment, _strength: float, rng: Random) -> Painted | None:
    """A bystander is gone under a smear."""
    return _gone(canvas, thing, smeared(canvas.picture, grown(thing.mask, 2), rng), rng)


@tries(3)
@on_bystander((0.008, 0.15), things=True)
def _partial(canvas: Canvas, thing: Segment, strength: float, rng: Random) -> Painted | None:
    """A bystander has lost a part."""
    part = half(thing.mask, between(strength, 0.25, 0.6), rng, ragged=rng.choice([0.0, 0.1]))
    rest = thing.mask & ~part
    picture = filled(canvas.picture, part, rng, avoid=thing.mask | grown(part, 2))
    picture = np.where(rest[..., None], canvas.picture, picture)
    mask = seen(canvas.picture, picture, part, level=4.0)
    name = called(thing.name)
    text = said(
        rng,
        f"A part of {name} {whereabouts(part)} is missing; it was complete in the source.",
        f"{capital(name)} was partly erased {whereabouts(part)} without any request.",
    )
    return finished(canvas, picture, mask, text, thing=thing.mask)


@tries(3)
@on_bystander(*LOST, things=True)
def _dissolved(canvas: Canvas, thing: Segment, strength: float, rng: Random) -> Painted | None:
    """A bystander fades into what is behind it."""
    behind = filled(canvas.picture, grown(thing.mask, 2), rng)
    clouds = waves(thing.mask.shape, max(8.0, float(np.sqrt(thing.mask.sum())) / 2), rng)
    opacity = np.clip(between(strength, 0.5, 0.9) + 0.15 * clouds, 0, 1) * soft(grown(thing.mask, 1), 2)
    return _gone(canvas, thing, blended(canvas.picture, behind, opacity), rng)


def _thin(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """Thin structures (wires, twigs, railings) of a place are gone."""
    room = free(canvas)
    width = int(rng.choice([7, 9, 11]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    closed = cv2.morphologyEx(canvas.picture, cv2.MORPH_CLOSE, kernel)
    opened = cv2.morphologyEx(canvas.picture, cv2.MORPH_OPEN, kernel)
    dark, bright = difference(canvas.picture, closed), difference(canvas.picture, opened)
    lines = (np.maximum(dark, bright) > 18) & room
    density = cv2.blur(lines.astype(np.float32), (41, 41))
    if lines.mean() < 0.004:
        return None

    @tries(4)
    def wiped(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
        ys, xs = np.nonzero(lines & (density >= np.quantile(density[lines], 0.6)))
        at = int(rng.integers(len(ys)))
        rows, columns = np.mgrid[: room.shape[0], : room.shape[1]]
        radius = max(room.shape) * between(strength, 0.06, 0.15)
        near = np.hypot(rows - ys[at], columns - xs[at]) < radius
        smooth = np.where((dark > bright)[..., None], closed, opened)
        smooth = cv2.medianBlur(smooth, 5)
        picture = blended(canvas.picture, smooth, soft(grown(lines & near, 2), 2))
        mask = seen(canvas.picture, picture, near & room, level=6.0)
        text = said(
            rng,
            f"Thin structures {whereabouts(near)} were wiped away, although the place was to stay.",
            f"Fine lines {whereabouts(near)} that the source shows are gone.",
        )
        return finished(canvas, confined(canvas.picture, picture, mask, 3), mask, text)

    return wiped(canvas, strength, rng)


GENERATORS = (
    generator(FlawType.UNINTENDED_REMOVAL, "erased", _erased, inside_edit=False),
    generator(FlawType.UNINTENDED_REMOVAL, "smeared", _smeared, inside_edit=False),
    generator(FlawType.UNINTENDED_REMOVAL, "partial", _partial, inside_edit=False),
    generator(FlawType.UNINTENDED_REMOVAL, "dissolved", _dissolved, inside_edit=False),
    generator(FlawType.UNINTENDED_REMOVAL, "thin", _thin, inside_edit=False),
)
