"""What does a removed or replaced object leave behind?"""

import cv2
import numpy as np

from editrefiner.contracts import EditKind, FlawType
from training.flaws.failures.filling import smeared
from training.flaws.failures.finishing import finished, generator, tries
from training.flaws.failures.mixing import blended, levelled, seen
from training.flaws.failures.shapes import content_of, everywhere, free, grown, half, mapped, soft, waves
from training.flaws.failures.strength import between, visibility
from training.flaws.failures.subjects import on_object
from training.flaws.failures.telling import capital, named, said, whereabouts
from training.flaws.failures.warping import carried
from training.flaws.scene import Canvas, Painted, Random

MAX_AREA = 0.3


@on_object(EditKind.REMOVE)
def _ghost(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """The object shines through."""
    edit = canvas.edit
    uneven = np.clip(1 + 0.25 * waves(content.shape, 0.6 * float(np.sqrt(content.sum())), rng), 0.3, 1.4)
    blurred = cv2.GaussianBlur(edit.source, (0, 0), rng.uniform(0.3, 3.0))
    weight = soft(content, 2) * uneven
    picture = levelled(canvas.picture, blurred, np.clip(weight, 0, 1), content, visibility(strength))
    name = named(edit.target)
    text = said(
        rng,
        f"A ghost of {name} is still visible {whereabouts(content)}, where it should be gone.",
        f'"{edit.instruction}" left a faint trace: the shape of {name} shines through.',
    )
    mask = seen(edit.ideal, picture, content, level=3.0)
    return finished(canvas, picture, mask, text, largest=MAX_AREA)


@tries(3)
@on_object(EditKind.REMOVE)
def _outline(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """The outline of the object remains."""
    edit = canvas.edit
    width = max(2, round(between(strength, 0.004, 0.012) * max(content.shape)))
    rim = grown(content, 1) & ~grown(content, -width)
    part = half(rim, rng.uniform(0.6, 1.0), rng)
    picture = blended(canvas.picture, edit.source, soft(part, 1.0) * between(strength, 0.6, 1.0))
    name = named(edit.target)
    text = said(
        rng,
        f"The outline of {name} remains {whereabouts(part)} although it was to be removed.",
        f"A rim of the removed object can still be made out {whereabouts(part)}.",
    )
    return finished(canvas, picture, part & edit.intended, text)


@tries(4)
@on_object(EditKind.REMOVE)
def _extremity(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """A small part of the object was forgotten."""
    edit = canvas.edit
    part = half(content, between(strength, 0.08, 0.3), rng)
    edge = grown(part, 2) & edit.intended & ~(content & ~part)
    picture = blended(canvas.picture, edit.source, soft(part | edge, 1.2))
    name = named(edit.target)
    text = said(
        rng,
        f"A piece of {name} was left standing {whereabouts(part)}.",
        f'"{edit.instruction}" forgot a piece {whereabouts(part)}: it belongs to {name}.',
    )
    return finished(canvas, picture, seen(edit.ideal, picture, part, level=4.0), text)


@on_object(EditKind.REMOVE)
def _smear(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """The colours of the object are smeared over its place."""
    edit = canvas.edit
    place = half(content, between(strength, 0.4, 0.95), rng)
    if not place.any():
        return None
    size = float(np.sqrt(content.sum()))
    if rng.random() < 0.5:
        murky = cv2.GaussianBlur(edit.source, (0, 0), max(2.0, size * rng.uniform(0.05, 0.12)))
    else:
        murky = blended(
            smeared(edit.source, grown(place, -2) if place.sum() > 600 else place, rng),
            edit.source,
            soft(content, 4) * 0.3,
        )
    picture = levelled(canvas.picture, murky, soft(place, 3), place, 1.2 * visibility(strength))
    mask = seen(edit.ideal, picture, place)
    text = said(
        rng,
        f"Where {named(edit.target)} was, a smear in its colours remains.",
        f'"{edit.instruction}" left a murky patch {whereabouts(place)} instead of the background.',
    )
    return finished(canvas, picture, mask, text, largest=MAX_AREA)


@on_object(EditKind.REMOVE)
def _shadow(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """The shadow of the object is still there."""
    edit = canvas.edit
    ys, xs = np.nonzero(content)
    width, height = int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1
    lean = rng.uniform(-0.35, 0.35) * width
    flat = rng.uniform(0.2, 0.45)
    foot = float(ys.max())
    flattened = np.array([[1, -lean / height, lean * foot / height], [0, flat, foot * (1 - flat)]])
    shade = mapped(content, flattened) & ~grown(canvas.taken, 4)
    if not shade.any():
        return None
    dark = np.clip(canvas.picture * rng.uniform(0.25, 0.4), 0, 255).astype(np.uint8)
    picture = levelled(canvas.picture, dark, soft(shade, 6), shade, 1.1 * visibility(strength))
    mask = seen(edit.ideal, picture, grown(shade, 3), level=3.0)
    name = named(edit.target)
    text = said(
        rng,
        f"{capital(name)} is gone but its shadow remains {whereabouts(shade)}.",
        f"A shadow without an object lies {whereabouts(shade)}, where {name} was removed.",
    )
    return finished(canvas, picture, mask, text)


@on_object(EditKind.ADD, EditKind.REPLACE)
def _stray(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """Fragments of the added object lie elsewhere."""
    edit = canvas.edit
    room, side = free(canvas), max(content.shape)
    mask, picture = np.zeros_like(content), canvas.picture
    for _ in range(int(rng.integers(8, 16))):
        share = between(strength, 0.004, 0.014) * content.size / content.sum()
        piece = half(half(content, min(0.7, 2 * share), rng), 0.5, rng, ragged=0.3)
        if not piece.any():
            continue
        ys, xs = np.nonzero(piece)
        matrix = cv2.getRotationMatrix2D((float(xs.mean()), float(ys.mean())), rng.uniform(-40, 40), 1.0)
        matrix[:, 2] += rng.normal(0, 0.2, 2) * side
        new = mapped(piece, matrix)
        if new.sum() < 0.8 * piece.sum() or (new & ~(room & ~grown(mask, 3))).any():
            continue
        picture = blended(picture, carried(edit.ideal, matrix), soft(new, 1.5))
        mask = mask | new
        if mask.mean() > between(strength, 0.004, 0.03):
            break
    if not mask.any():
        return None
    name = named(edit.target) if edit.kind is EditKind.ADD else "what was put in"
    text = said(
        rng,
        f"Stray fragments of {name} lie {whereabouts(mask)}, apart from the object itself.",
        f'"{edit.instruction}" scattered bits of the new object {whereabouts(mask)}.',
    )
    return finished(canvas, picture, mask, text)


@tries(3)
def _sticking_out(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """Parts of the replaced object stick out behind the new one."""
    edit, content = canvas.edit, content_of(canvas.edit)
    if edit.kind not in {EditKind.REPLACE, EditKind.BACKGROUND} or everywhere(edit):
        return None
    old = seen(edit.source, edit.ideal, edit.intended & ~content) & ~content
    if edit.kind is EditKind.BACKGROUND:
        old = content & grown(
            ~edit.intended, max(5, round(between(strength, 0.02, 0.06) * max(content.shape)))
        )
    part = half(old, between(strength, 0.35, 0.9), rng)
    picture = blended(canvas.picture, edit.source, soft(part, 1.2))
    name = "the old background" if edit.kind is EditKind.BACKGROUND else "the old object"
    text = said(
        rng,
        f"Remains of {name} are visible {whereabouts(part)} beside what replaced it.",
        f'"{edit.instruction}" left a piece of {name} {whereabouts(part)}.',
    )
    return finished(canvas, picture, seen(edit.ideal, picture, part, level=4.0), text, largest=MAX_AREA)


GENERATORS = (
    generator(FlawType.LEFTOVER, "ghost", _ghost, inside_edit=True),
    generator(FlawType.LEFTOVER, "outline", _outline, inside_edit=True),
    generator(FlawType.LEFTOVER, "extremity", _extremity, inside_edit=True),
    generator(FlawType.LEFTOVER, "smear", _smear, inside_edit=True),
    generator(FlawType.LEFTOVER, "shadow", _shadow),
    generator(FlawType.LEFTOVER, "stray", _stray, inside_edit=False),
    generator(FlawType.LEFTOVER, "sticking_out", _sticking_out, inside_edit=True),
)
