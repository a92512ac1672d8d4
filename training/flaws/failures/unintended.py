"""What does it look like when something changed that nobody asked to change?"""

import cv2
import numpy as np

from editrefiner.contracts import EditKind, FlawType
from training.flaws.failures.filling import filled
from training.flaws.failures.finishing import finished, generator, tries
from training.flaws.failures.mixing import blended, confined, difference, levelled, seen
from training.flaws.failures.shapes import free, grown, mapped, soft, spot, waves
from training.flaws.failures.strength import between, visibility
from training.flaws.failures.subjects import object_of, on_bystander, on_object
from training.flaws.failures.telling import called, capital, named, said, whereabouts
from training.flaws.failures.tinting import like_painted, relit, retextured, turned
from training.flaws.failures.warping import wobbled
from training.flaws.lab import from_lab, to_lab
from training.flaws.scene import Canvas, Painted, Random, Segment

SPREADING = frozenset({EditKind.RECOLOR, EditKind.MATERIAL, EditKind.REPLACE})


def _changed(
    canvas: Canvas, thing: Segment, other: np.ndarray, what: str, visible: float, rng: Random
) -> Painted | None:
    """The flaw that a bystander looks different."""
    mask = thing.mask
    picture = levelled(canvas.picture, other, soft(mask, 1.5), mask, visible)
    name = called(thing.name)
    text = said(
        rng,
        f"{capital(name)} {whereabouts(mask)} {what}, although the instruction does not mention it.",
        f'"{canvas.edit.instruction}" says nothing of {name}, yet it {what}.',
    )
    return finished(canvas, picture, mask, text)


@on_bystander()
def _recolored(canvas: Canvas, thing: Segment, strength: float, rng: Random) -> Painted | None:
    """A bystander has another colour."""
    other = turned(canvas.picture, thing.mask, rng)
    return _changed(canvas, thing, other, "has another colour", 1.2 * visibility(strength), rng)


@on_bystander()
def _relit(canvas: Canvas, thing: Segment, strength: float, rng: Random) -> Painted | None:
    """A bystander is lighter or darker."""
    mean = float(canvas.picture[thing.mask].mean())
    darker = rng.random() < mean / 255
    other = relit(canvas.picture, -1.0 if darker else 1.0)
    what = "is darker than in the source" if darker else "is brighter than in the source"
    return _changed(canvas, thing, other, what, visibility(strength), rng)


@on_bystander((0.008, 0.12))
def _retextured(canvas: Canvas, thing: Segment, strength: float, rng: Random) -> Painted | None:
    """A bystander has another surface."""
    flat = rng.random() < 0.3
    other = like_painted(canvas.picture) if flat else retextured(canvas.picture, canvas.other, rng)
    what = "has lost its surface detail" if flat else "has another surface"
    return _changed(canvas, thing, other, what, visibility(strength), rng)


@tries(4)
def _redrawn(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """A place of the background was made anew, with other details of the same kind."""
    mask = spot(canvas, rng, between(strength, 0.012, 0.06) * rng.uniform(0.7, 1.3))
    if mask is None:
        return None
    other = filled(canvas.picture, mask, rng, avoid=mask | ~grown(free(canvas), 4))
    mixed = levelled(canvas.picture, other, soft(mask, 3), mask, 2.5 * visibility(strength))
    shown = seen(canvas.picture, mixed, mask)
    text = said(
        rng,
        f"The background {whereabouts(mask)} was invented anew: its details differ from the source.",
        f"What is {whereabouts(mask)} no longer matches the source, although it was to be kept.",
    )
    return finished(canvas, confined(canvas.picture, mixed, shown, 4), shown, text)


@tries(4)
def _rewoven(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """Small shapes of a place were redrawn with wandering outlines, as after encoding and regeneration."""
    mask = spot(canvas, rng, between(strength, 0.02, 0.08))
    if mask is None:
        return None
    other, _ = wobbled(canvas.picture, between(strength, 2.0, 5.0), rng.uniform(10, 22), rng)
    if rng.random() < 0.5:
        other = like_painted(other)
    picture = blended(canvas.picture, other, soft(mask, 4))
    shown = seen(canvas.picture, picture, mask)
    text = said(
        rng,
        f"Fine shapes {whereabouts(mask)} were redrawn and no longer follow the source.",
        f"Details {whereabouts(mask)} have other outlines than before; nobody asked for that.",
    )
    return finished(canvas, confined(canvas.picture, picture, shown, 4), shown, text)


def _foreign(canvas: Canvas, mask: np.ndarray, rng: Random) -> np.ndarray:
    """The picture-sized cut of the other photograph whose light fits a place."""
    height, width = mask.shape
    ys, xs = np.nonzero(mask)
    zoom = rng.uniform(0.5, 1.0) * max(width / canvas.other.shape[1], height / canvas.other.shape[0])
    zoom = max(zoom, 1.3 * np.ptp(ys) / canvas.other.shape[0], 1.3 * np.ptp(xs) / canvas.other.shape[1])
    other = cv2.resize(canvas.other, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    h, w = int(ys.max() - ys.min()) + 1, int(xs.max() - xs.min()) + 1
    top = int(rng.integers(0, max(1, other.shape[0] - h)))
    left = int(rng.integers(0, max(1, other.shape[1] - w)))
    shift = np.array([[1, 0, xs.min() - left], [0, 1, ys.min() - top]], np.float32)
    moved = cv2.warpAffine(other, shift, (width, height), borderMode=cv2.BORDER_REFLECT)
    lab, here = to_lab(moved), to_lab(canvas.picture)
    lab += 0.7 * (here[mask].mean(axis=0) - lab[mask].mean(axis=0))
    return from_lab(lab)


@tries(3)
def _foreign_place(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """A place of the background shows something from elsewhere, blended in softly."""
    mask = spot(canvas, rng, between(strength, 0.01, 0.06) * rng.uniform(0.7, 1.4), detailed=False)
    if mask is None:
        return None
    other = _foreign(canvas, mask, rng)
    picture = levelled(canvas.picture, other, soft(mask, 4), mask, 2 * visibility(strength))
    text = said(
        rng,
        f"Something new has appeared {whereabouts(mask)} that the instruction does not ask for.",
        f"The background {whereabouts(mask)} shows other content than the source.",
    )
    return finished(canvas, picture, seen(canvas.picture, picture, mask), text)


@tries(8)
def _intruder(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """An object that nobody asked for: the shape of one segment with the look of another photograph."""
    room = free(canvas)
    shapes = [s.mask for s in canvas.edit.bystanders if s.is_thing and 0.01 < s.mask.mean() < 0.25]
    if not shapes or not room.any():
        return None
    shape = shapes[int(rng.integers(len(shapes)))]
    factor = float(np.sqrt(between(strength, 0.007, 0.05) / shape.mean()))
    ys, xs = np.nonzero(shape)
    matrix = cv2.getRotationMatrix2D((float(xs.mean()), float(ys.mean())), rng.normal(0, 12), factor)
    free_y, free_x = np.nonzero(room)
    at = int(rng.integers(len(free_y)))
    matrix[:, 2] += free_x[at] - xs.mean(), free_y[at] - ys.mean()
    mask = mapped(shape, matrix)
    if (mask & ~room).sum() > 0.05 * mask.sum() or mask.mean() < 0.6 * factor**2 * shape.mean():
        return None
    mask &= room
    picture = blended(canvas.picture, _foreign(canvas, mask, rng), soft(mask, 1.2))
    text = said(
        rng,
        f"An object that nobody asked for was added {whereabouts(mask)}.",
        f'There is an extra thing {whereabouts(mask)}; "{canvas.edit.instruction}" does not call for it.',
    )
    return finished(canvas, picture, mask, text)


@on_bystander((0.005, 0.15))
def _spilled(canvas: Canvas, thing: Segment, strength: float, rng: Random) -> Painted | None:
    """The change took hold of a neighbour too."""
    edit, content = canvas.edit, object_of(canvas.edit, *SPREADING)
    if content is None:
        return None
    before, after, here = to_lab(edit.source), to_lab(edit.ideal), to_lab(canvas.picture)
    step = after[content].mean(axis=0) - before[content].mean(axis=0)
    other = from_lab(here + step + 0.6 * (after[content].mean(axis=0) - here[thing.mask].mean(axis=0) - step))
    mask = thing.mask
    picture = levelled(canvas.picture, other, soft(mask, 1.5), mask, 1.5 * visibility(strength))
    name, target = called(thing.name), named(edit.target)
    text = said(
        rng,
        f"The change spilled over: not only {target} but also {name} {whereabouts(mask)} was changed.",
        f'"{edit.instruction}" was applied to {name} too.',
    )
    return finished(canvas, picture, mask, text)


@on_object(*SPREADING)
def _bled(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """The change bleeds over the edge of its target into what is beside it."""
    edit = canvas.edit
    side = max(content.shape)
    reach = round(between(strength, 0.025, 0.09) * side)
    uneven = waves(content.shape, side * 0.15, rng) > rng.uniform(-0.5, 0.3)
    mask = grown(content, reach) & uneven & ~grown(edit.intended, 4) & ~grown(canvas.taken, 4)
    mask = soft(mask, 6) > 0.5
    if not mask.any():
        return None
    step = to_lab(edit.ideal)[content].mean(axis=0) - to_lab(edit.source)[content].mean(axis=0)
    other = from_lab(to_lab(canvas.picture) + step * rng.uniform(0.8, 1.2))
    picture = levelled(canvas.picture, other, soft(mask, 5), mask, 1.3 * visibility(strength))
    shown = seen(canvas.picture, picture, mask, level=4.0)
    name = named(edit.target)
    text = said(
        rng,
        f"The change bleeds from {name} into its surroundings {whereabouts(mask)}.",
        f"What lies beside {name} {whereabouts(mask)} took on its new colour, though it was to stay.",
    )
    return finished(canvas, picture, shown, text)


def _details(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """Several small things of a place changed their look."""
    room = spot(canvas, rng, 0.12)
    if room is None:
        return None
    ys, xs = np.nonzero(grown(room, 12))
    window = (slice(int(ys.min()), int(ys.max()) + 1), slice(int(xs.min()), int(xs.max()) + 1))
    near, before = room[window], np.ascontiguousarray(canvas.picture[window])
    share = between(strength, 0.0015, 0.006) * room.size / near.size
    shown, after = np.zeros(near.shape, bool), before
    for _ in range(int(rng.integers(3, 7))):
        small = soft(_patch(near, share, rng), 4) > 0.5
        if not small.any():
            continue
        fresh = turned(after, small, rng) if rng.random() < 0.4 else filled(after, small, rng)
        after = levelled(after, fresh, soft(small, 2), small, 3 * visibility(strength))
        shown |= small & (cv2.blur(difference(before, after), (9, 9)) > 4)
    mask, picture = np.zeros(room.shape, bool), canvas.picture.copy()
    mask[window], picture[window] = shown, after
    text = said(
        rng,
        f"Small details {whereabouts(mask)} were swapped or lost, although the place was to stay.",
        f"Several little things {whereabouts(mask)} differ from the source without any request.",
    )
    return finished(canvas, picture, mask, text)


def _patch(room: np.ndarray, share: float, rng: Random) -> np.ndarray:
    """A disk of that share of the frame within a place."""
    ys, xs = np.nonzero(room)
    at = int(rng.integers(len(ys)))
    disk = np.zeros(room.shape, np.uint8)
    radius = max(3, round(float(np.sqrt(share * room.size / np.pi))))
    axes = (radius, max(3, round(radius * rng.uniform(0.6, 1.0))))
    cv2.ellipse(disk, (int(xs[at]), int(ys[at])), axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    return (disk > 0) & room


GENERATORS = (
    generator(FlawType.UNINTENDED_CHANGE, "recolored", _recolored, inside_edit=False),
    generator(FlawType.UNINTENDED_CHANGE, "relit", _relit, inside_edit=False),
    generator(FlawType.UNINTENDED_CHANGE, "retextured", _retextured, inside_edit=False),
    generator(FlawType.UNINTENDED_CHANGE, "redrawn", _redrawn, inside_edit=False),
    generator(FlawType.UNINTENDED_CHANGE, "rewoven", _rewoven, inside_edit=False),
    generator(FlawType.UNINTENDED_CHANGE, "foreign", _foreign_place, inside_edit=False),
    generator(FlawType.UNINTENDED_CHANGE, "intruder", _intruder, inside_edit=False),
    generator(FlawType.UNINTENDED_CHANGE, "spilled", _spilled, inside_edit=False),
    generator(FlawType.UNINTENDED_CHANGE, "bled", _bled, inside_edit=False),
    generator(FlawType.UNINTENDED_CHANGE, "details", _details, inside_edit=False),
)
