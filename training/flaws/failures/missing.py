"""What does a request look like that was not carried out, although the picture was made anew?"""

import numpy as np

from editrefiner.contracts import EditKind, FlawType
from training.flaws.failures.finishing import finished, generator
from training.flaws.failures.mixing import blended, difference, seen
from training.flaws.failures.shapes import content_of, everywhere, grown, soft
from training.flaws.failures.strength import between
from training.flaws.failures.subjects import on_place
from training.flaws.failures.telling import named, said, whereabouts
from training.flaws.failures.tinting import like_painted
from training.flaws.failures.warping import wobbled
from training.flaws.scene import Canvas, IdealEdit, Painted, Random

MAX_AREA = 0.45  # a target may be large
MIN_TRACE = 0.6  # mean difference to the source, of 255: below it the picture is the source, which is no flaw


def _place(edit: IdealEdit) -> np.ndarray | None:
    """Where the request is visible; None for requests about the whole frame."""
    if everywhere(edit):
        return None
    shown = grown(content_of(edit), 2) & edit.intended
    changed = seen(edit.source, edit.ideal, shown, level=4.0)
    return changed if changed.sum() > 0.3 * shown.sum() else None


def _traced(canvas: Canvas, picture: np.ndarray, mask: np.ndarray, text: str) -> Painted | None:
    """The flaw, unless the picture now is the source: that is what an editor that did nothing returns."""
    flaw = finished(canvas, picture, mask, text, largest=MAX_AREA)
    if flaw is None:
        return None
    around = grown(flaw.mask, 8)
    trace = difference(flaw.picture, canvas.edit.source)
    return flaw if trace[around].mean() > MIN_TRACE or trace[~around].max(initial=0) > 12 else None


def _undone(edit: IdealEdit) -> str:
    """What is seen where a request was not carried out."""
    name = named(edit.target)
    if edit.kind is EditKind.ADD:
        return f"{name} was not added"
    if edit.kind is EditKind.REMOVE:
        return f"{name} is still there"
    return f"{name} is as before"


def _part(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """One request of several is left out."""
    edit = canvas.edit
    local = [part for part in edit.parts if not everywhere(part)]
    if len(edit.parts) < 2 or not local:
        return None
    skipped = local[int(rng.integers(len(local)))]
    area = grown(content_of(skipped), 2) & skipped.intended
    for part in edit.parts:
        if part is not skipped and not everywhere(part):
            area &= ~grown(content_of(part), 2)
    mask = seen(edit.source, edit.ideal, area, level=4.0)
    if not mask.any():
        return None
    kept = between(strength, rng.uniform(0.1, 0.25), 0.0)
    picture = blended(canvas.picture, edit.source, soft(skipped.intended & grown(area, 5), 3) * (1 - kept))
    undone = _undone(skipped)
    text = said(
        rng,
        f'Of the requests only some were carried out: "{skipped.instruction}" was ignored; '
        f"{whereabouts(mask)}, {undone}.",
        f"The other change is there, but {undone} although the instruction also says "
        f'"{skipped.instruction}".',
    )
    return _traced(canvas, picture, mask, text)


@on_place(_place)
def _faint(canvas: Canvas, mask: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """The change is so faint that it is as good as missing."""
    edit = canvas.edit
    kept = between(strength, 0.32, 0.08)
    picture = blended(canvas.picture, edit.source, soft(grown(edit.intended, 1), 2) * (1 - kept))
    name = named(edit.target)
    text = said(
        rng,
        f'The request "{edit.instruction}" was as good as ignored: {_undone(edit)}, but for a trace.',
        f"The place {whereabouts(mask)} looks almost as in the source; the change of {name} is hardly there.",
    )
    return _traced(canvas, picture, mask, text)


@on_place(_place)
def _redrawn(canvas: Canvas, mask: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """The target was drawn anew, slightly differently, but not as requested."""
    edit = canvas.edit
    drawn, _ = wobbled(edit.source, between(strength, 2.5, 1.2), 28, rng)
    if rng.random() < 0.6:
        drawn = like_painted(drawn)
    picture = blended(canvas.picture, drawn, soft(grown(edit.intended & grown(mask, 8), 1), 2))
    text = said(
        rng,
        f"The place {whereabouts(mask)} was redrawn with slightly other details, but what was asked for "
        f'("{edit.instruction}") is missing.',
        f'Nothing of "{edit.instruction}" can be seen: {_undone(edit)}, only some detail was lost.',
    )
    mask = mask | seen(edit.ideal, picture, grown(mask, 8) & edit.intended)
    return _traced(canvas, picture, mask, text)


@on_place(_place)
def _rim(canvas: Canvas, mask: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """Only the rim of the target shows that something was tried."""
    edit = canvas.edit
    width = round(between(strength, 5, 2))
    inner = grown(mask, -width)
    if inner.sum() < 0.5 * mask.sum():
        return None
    picture = blended(canvas.picture, edit.source, soft(grown(inner, 1), 2))
    name = named(edit.target)
    text = said(
        rng,
        f'Only the outline of {name} shows a change; "{edit.instruction}" was not carried out.',
        f"Apart from a rim {whereabouts(mask)}, {_undone(edit)}, so the request is not fulfilled.",
    )
    return _traced(canvas, picture, mask, text)


GENERATORS = (
    generator(FlawType.MISSING_EDIT, "part", _part, inside_edit=True),
    generator(FlawType.MISSING_EDIT, "faint", _faint, inside_edit=True),
    generator(FlawType.MISSING_EDIT, "redrawn", _redrawn, inside_edit=True),
    generator(FlawType.MISSING_EDIT, "rim", _rim, inside_edit=True),
)
