"""What does a request look like that was carried out only in part?"""

import numpy as np

from editrefiner.contracts import EditKind, FlawType
from training.flaws.failures.finishing import finished, generator, tries
from training.flaws.failures.mixing import blended, confined, seen
from training.flaws.failures.shapes import blob, content_of, everywhere, grown, half, soft, waves
from training.flaws.failures.strength import between
from training.flaws.failures.subjects import on_object
from training.flaws.failures.telling import capital, named, said, whereabouts
from training.flaws.scene import Canvas, Painted, Random

MAX_AREA = 0.3
FRAME_SHARE = (0.04, 0.25)  # of the frame that a whole-frame request misses


def _share(canvas: Canvas, strength: float, weak: float, gross: float) -> float:
    return between(strength, *FRAME_SHARE) if everywhere(canvas.edit) else between(strength, weak, gross)


def _left(canvas: Canvas, region: np.ndarray, edge_px: float, text: str) -> Painted | None:
    """The flaw that a region still is as in the source."""
    edit = canvas.edit
    wide = grown(region, 3) & edit.intended & ~grown(content_of(edit) & ~region, 1)
    picture = blended(canvas.picture, edit.source, soft(region | wide, edge_px))
    return finished(canvas, picture, seen(edit.ideal, picture, region, level=4.0), text, largest=MAX_AREA)


def _text(canvas: Canvas, region: np.ndarray, rng: Random) -> str:
    edit = canvas.edit
    where = whereabouts(region)
    if everywhere(edit):
        return said(
            rng,
            f'The picture {where} was left out: "{edit.instruction}" is about the whole frame.',
            f"The requested change is missing {where}, where the source still shows through.",
        )
    if edit.kind is EditKind.REMOVE:
        return said(
            rng,
            f"{capital(named(edit.target))} is only half removed: a part {where} is still there.",
            f'"{edit.instruction}" was done in part; a piece of {named(edit.target)} {where} remains.',
        )
    if edit.kind is EditKind.ADD:
        return said(
            rng,
            f"Only a part of {named(edit.target)} was added; {where} the rest of it is missing.",
            f'"{edit.instruction}" was not finished: {named(edit.target)} lacks a piece {where}.',
        )
    return said(
        rng,
        f"Only a part of {named(edit.target)} was changed; {where} it is as in the source.",
        f'"{edit.instruction}" was not finished: a piece of {named(edit.target)} {where} keeps its old look.',
    )


@tries(3)
def _half(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """One side of the target is unchanged."""
    region = half(content_of(canvas.edit), _share(canvas, strength, 0.2, 0.65), rng)
    return _left(canvas, region, rng.choice([1.2, 3.0]), _text(canvas, region, rng))


@tries(3)
def _spots(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """Rounded patches of the target are unchanged."""
    content = content_of(canvas.edit)
    count = int(rng.integers(1, 4))
    share = _share(canvas, strength, 0.15, 0.5) / count
    region = np.zeros_like(content)
    for _ in range(count):
        region |= blob(content, share, rng)
    return _left(canvas, region, rng.choice([1.2, 4.0]), _text(canvas, region, rng))


@on_object()
def _patchy(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """The change covers the target unevenly: the source shines through in clouds."""
    edit = canvas.edit
    extent = float(np.sqrt(content.sum()))
    clouds = waves(content.shape, max(6.0, extent * rng.uniform(0.15, 0.35)), rng)
    bound = np.quantile(clouds[content], between(strength, 0.3, 0.6))
    through = np.clip(0.5 + (bound - clouds) * 1.6, 0, 1) * between(strength, 0.75, 1.0)
    weight = through * soft(grown(content, 1) & edit.intended, 2)
    picture = blended(canvas.picture, edit.source, weight)
    mask = seen(edit.ideal, picture, content & (weight > 0.3))
    text = said(
        rng,
        f"The change of {named(edit.target)} is patchy: the old surface shines through in places.",
        f'"{edit.instruction}" was carried out unevenly, with blotches of the source {whereabouts(mask)}.',
    )
    picture = confined(canvas.picture, picture, mask, 3)
    return finished(canvas, picture, mask, text, largest=MAX_AREA)


@tries(4)
def _cut_off(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """An added object ends in a straight cut."""
    edit = canvas.edit
    if edit.kind not in {EditKind.ADD, EditKind.REPLACE} or everywhere(edit):
        return None
    region = half(content_of(edit), between(strength, 0.18, 0.6), rng, ragged=0.0)
    name = named(edit.target)
    text = said(
        rng,
        f"{capital(name)} is cut off: its part {whereabouts(region)} is missing, as if chopped away.",
        f'"{edit.instruction}" asks for a whole object, but {name} ends abruptly {whereabouts(region)}.',
    )
    return _left(canvas, region, 1.0, text)


@tries(3)
@on_object()
def _border(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """A band along one side of the changed area is unchanged, as when a mask was too small."""
    edit = canvas.edit
    padded = np.pad(content, 1)
    width = max(3, round(between(strength, 0.08, 0.28) * float(np.sqrt(content.sum()))))
    band = padded & ~grown(padded, -width)
    region = half(band[1:-1, 1:-1], rng.uniform(0.5, 1.0), rng)
    name = "the background" if edit.kind is EditKind.BACKGROUND else named(edit.target)
    text = said(
        rng,
        f"The change stops short of the border of {name}: a band {whereabouts(region)} is still old.",
        f"Along the edge of {name} {whereabouts(region)} a strip was left as in the source.",
    )
    return _left(canvas, region, 1.5, text)


GENERATORS = (
    generator(FlawType.INCOMPLETE_EDIT, "half", _half, inside_edit=True),
    generator(FlawType.INCOMPLETE_EDIT, "spots", _spots, inside_edit=True),
    generator(FlawType.INCOMPLETE_EDIT, "patchy", _patchy, inside_edit=True),
    generator(FlawType.INCOMPLETE_EDIT, "cut_off", _cut_off, inside_edit=True),
    generator(FlawType.INCOMPLETE_EDIT, "border", _border, inside_edit=True),
)
