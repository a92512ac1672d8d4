"""What does it look like when an edit was made, but not the one that was asked for?"""

import cv2
import numpy as np

from editrefiner.contracts import EditKind, FlawType
from training.flaws.failures.finishing import finished, generator, tries
from training.flaws.failures.mixing import blended, levelled, seen
from training.flaws.failures.shapes import content_of, everywhere, free, grown, mapped, soft
from training.flaws.failures.strength import between, visibility
from training.flaws.failures.subjects import on_object
from training.flaws.failures.telling import capital, named, said, whereabouts
from training.flaws.failures.tinting import turned
from training.flaws.failures.warping import carried
from training.flaws.scene import Canvas, Painted, Random

MAX_AREA = 0.45
COLOURED = frozenset(
    {EditKind.RECOLOR, EditKind.MATERIAL, EditKind.ADD, EditKind.REPLACE, EditKind.BACKGROUND}
)


def _other(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """Another result than was asked for."""
    edit = canvas.edit
    made = None if edit.wrong is None else edit.wrong(rng)
    if made is None:
        return None
    picture, clause = made
    weight = soft(edit.intended, 2) * between(strength, 0.75, 1.0)
    picture = blended(canvas.picture, picture, weight)
    if everywhere(edit):
        picture, mask = levelled(canvas.picture, made[0], weight, edit.intended, 60), edit.intended
    else:
        mask = seen(edit.ideal, picture, edit.intended)
    name = named(edit.target) if edit.target else "the picture"
    text = said(
        rng,
        f'{capital(name)} is {clause} instead of what "{edit.instruction}" asks for.',
        f'Not what was requested ("{edit.instruction}"): {name} is {clause}.',
    )
    return finished(canvas, picture, mask, text, largest=1.0 if everywhere(edit) else MAX_AREA)


@on_object(*COLOURED)
def _hue(canvas: Canvas, mask: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """The changed object has another colour than was asked for."""
    edit = canvas.edit
    visible = 1.5 * visibility(strength)
    picture = levelled(canvas.picture, turned(canvas.picture, mask, rng), soft(mask, 1.2), mask, visible)
    name = named(edit.target)
    text = said(
        rng,
        f'{capital(name)} came out in the wrong colour for "{edit.instruction}".',
        f"The hue of {name} {whereabouts(mask)} is not the one that was asked for.",
    )
    return finished(canvas, picture, mask, text, largest=MAX_AREA)


def _placed(canvas: Canvas, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The source with the added object mapped by a matrix, and where that differs from the ideal."""
    edit = canvas.edit
    new = mapped(content_of(edit), matrix)
    ground = blended(canvas.picture, edit.source, soft(grown(edit.intended, 1), 1.5))
    picture = blended(ground, carried(edit.ideal, matrix), soft(new, 1.2))
    return picture, seen(canvas.picture, picture, grown(edit.intended | new, 2), level=4.0)


@tries(3)
@on_object(EditKind.ADD)
def _scale(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """An added object has the wrong size."""
    edit = canvas.edit
    ys, xs = np.nonzero(content)
    small = rng.random() < 0.5
    factor = between(strength, 0.72, 0.35) if small else between(strength, 1.35, 2.1)
    centre = (float(xs.mean()), float(ys.max()))
    picture, mask = _placed(canvas, cv2.getRotationMatrix2D(centre, 0.0, factor))
    name, size = named(edit.target), "small" if small else "large"
    text = said(
        rng,
        f"{capital(name)} is far too {size} for the scene.",
        f'"{edit.instruction}" was done at the wrong scale: {name} {whereabouts(mask)} is too {size}.',
    )
    return finished(canvas, picture, mask, text, largest=MAX_AREA)


@on_object(EditKind.ADD)
def _upside_down(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """An added object stands on its head or lies on its side."""
    edit = canvas.edit
    ys, xs = np.nonzero(content)
    angle = (180.0 if rng.random() < 0.5 else 90.0) + rng.normal(0, 4)
    if strength < 0.3:
        angle = float(rng.uniform(25, 50) * rng.choice([-1, 1]))
    centre = (float(xs.min() + xs.max()) / 2, float(ys.min() + ys.max()) / 2)
    picture, mask = _placed(canvas, cv2.getRotationMatrix2D(centre, float(angle), 1.0))
    name = named(edit.target)
    how = "upside down" if abs(angle) > 130 else "lying on its side" if abs(angle) > 60 else "tilted"
    text = said(
        rng,
        f'{capital(name)} was put in {how}, which "{edit.instruction}" does not ask for.',
        f"The added object {whereabouts(mask)} is {how}.",
    )
    return finished(canvas, picture, mask, text, largest=MAX_AREA)


def _mirrored(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """New text reads backwards."""
    edit = canvas.edit
    content = content_of(edit)
    if edit.kind is not EditKind.TEXT or not content.any():
        return None
    ys, xs = np.nonzero(content)
    box = (slice(int(ys.min()), int(ys.max()) + 1), slice(int(xs.min()), int(xs.max()) + 1))
    picture = canvas.picture.copy()
    way = slice(None), slice(None, None, -1)
    picture[box] = picture[box][way] if strength > 0.2 else picture[box][::-1]
    mask = seen(edit.ideal, picture, grown(content, 3))
    text = said(
        rng,
        f"The writing {whereabouts(mask)} is mirrored and cannot be read.",
        f'"{edit.instruction}" asks for readable text; the letters are the wrong way round.',
    )
    return finished(canvas, picture, mask, text, largest=MAX_AREA)


@tries(12)
@on_object(EditKind.ADD)
def _one_too_many(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """The object was added twice."""
    edit = canvas.edit
    side, size = max(content.shape), content.shape[::-1]
    ys, xs = np.nonzero(content)
    factor = between(strength, 0.6, 1.0) * rng.uniform(0.85, 1.1)
    matrix = cv2.getRotationMatrix2D((float(xs.mean()), float(ys.max())), 0.0, float(factor))
    matrix[:, 2] += rng.uniform(0.12, 0.5) * side * rng.choice([-1, 1]), rng.normal(0, 0.06) * side
    new = mapped(content, matrix)
    if new.sum() < 0.8 * factor**2 * content.sum() or (new & (content | ~free(canvas))).any():
        return None
    moved = cv2.warpAffine(edit.ideal, matrix, size, flags=cv2.INTER_CUBIC)
    name = named(edit.target)
    text = said(
        rng,
        f"There is a second copy of {name} {whereabouts(new)}; one was asked for.",
        f'"{edit.instruction}" was done twice: another {edit.target or "object"} {whereabouts(new)}.',
    )
    return finished(canvas, blended(canvas.picture, moved, soft(new, 1.2)), new, text)


def _opposite(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """The light or tone was changed the other way."""
    edit = canvas.edit
    if edit.kind not in {EditKind.GLOBAL, EditKind.RECOLOR, EditKind.MATERIAL}:
        return None
    amount = between(strength, 0.4, 1.3)
    change = cv2.GaussianBlur(edit.ideal.astype(np.float32) - edit.source, (0, 0), 1.5)
    other = np.clip(edit.source - amount * change, 0, 255).astype(np.uint8)
    mask = content_of(edit)
    whole = everywhere(edit)
    picture = blended(canvas.picture, other, np.ones(mask.shape) if whole else soft(mask, 1.2))
    name = "the picture" if whole else named(edit.target)
    text = said(
        rng,
        f'{capital(name)} was changed the opposite way of "{edit.instruction}".',
        f'The tone of {name} is the reverse of the requested one ("{edit.instruction}").',
    )
    return finished(canvas, picture, mask, text, largest=1.0 if whole else MAX_AREA)


GENERATORS = (
    generator(FlawType.WRONG_CONTENT, "other", _other, inside_edit=True),
    generator(FlawType.WRONG_CONTENT, "hue", _hue, inside_edit=True),
    generator(FlawType.WRONG_CONTENT, "scale", _scale),
    generator(FlawType.WRONG_CONTENT, "upside_down", _upside_down),
    generator(FlawType.WRONG_CONTENT, "mirrored", _mirrored, inside_edit=True),
    generator(FlawType.WRONG_CONTENT, "one_too_many", _one_too_many, inside_edit=False),
    generator(FlawType.WRONG_CONTENT, "opposite", _opposite, inside_edit=True),
)
