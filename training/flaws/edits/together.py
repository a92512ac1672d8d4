"""How do two requests share one instruction?"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from training.flaws import wording
from training.flaws.edits.matter import material
from training.flaws.edits.objects import add, remove
from training.flaws.edits.pixels import bystanders, differs
from training.flaws.edits.sign import text
from training.flaws.edits.surface import recolor, retone
from training.flaws.scene import IdealEdit, Random, Scene

Maker = Callable[[Scene, Scene, Random], IdealEdit | None]
_LOCAL: tuple[Maker, ...] = (recolor, recolor, add, add, remove, remove, material, retone, text)
TRIES = 3


def compound(scene: Scene, other: Scene, rng: Random) -> IdealEdit | None:
    """Two local edits at places apart, asked for in one instruction."""
    first = _LOCAL[int(rng.integers(len(_LOCAL)))](scene, other, rng)
    if first is None:
        return None
    taken = first.intended | differs(first.source, scene.picture)
    free = tuple(s for s in scene.segments if not taken[s.mask].any())
    # The second edit is made on the source of the first, whose own surroundings it must leave alone.
    rest = Scene(first.source, free, scene.origin)
    for maker in (_LOCAL[i] for i in rng.permutation(len(_LOCAL))[:TRIES]):
        second = maker(rest, other, rng)
        if second is None or second.target == first.target:
            continue
        touched = second.intended | differs(second.source, first.source)
        if not (touched & taken).any():
            return _joined(first, second, scene, taken | touched, rng)
    return None


def _joined(first: IdealEdit, second: IdealEdit, scene: Scene, touched: np.ndarray, rng: Random) -> IdealEdit:
    source = second.source
    early = replace(
        first,
        source=source,
        ideal=_put(source, first.ideal, first.intended),
        bystanders=bystanders(scene.segments, touched),
        wrong=partial(_moved_wrong, first, source) if first.wrong else None,
    )
    late = replace(second, bystanders=bystanders(scene.segments, touched))
    ideal = _put(late.ideal, first.ideal, first.intended)
    parts = (early, late) if rng.random() < 0.5 else (late, early)
    contents = [p.content for p in parts if p.content is not None]
    return IdealEdit(
        source=source,
        ideal=ideal,
        instruction=wording.joined(parts[0].instruction, parts[1].instruction, rng),
        kind=parts[0].kind,
        intended=first.intended | second.intended,
        target=f"{parts[0].target} and {parts[1].target}",
        content=np.logical_or.reduce(contents) if contents else None,
        bystanders=late.bystanders,
        wrong=partial(_one_wrong, ideal, parts),
        parts=parts,
    )


def _put(picture: np.ndarray, changed: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.where(where[..., None], changed, picture)


def _moved_wrong(edit: IdealEdit, source: np.ndarray, rng: Random) -> tuple[np.ndarray, str] | None:
    found = edit.wrong(rng) if edit.wrong else None
    return (_put(source, found[0], edit.intended), found[1]) if found else None


def _one_wrong(ideal: np.ndarray, parts: tuple[IdealEdit, ...], rng: Random) -> tuple[np.ndarray, str] | None:
    """One request met, the other misunderstood."""
    for i in rng.permutation(len(parts)):
        part = parts[i]
        found = part.wrong(rng) if part.wrong else None
        if found:
            return _put(ideal, found[0], part.intended), f"{part.target}: {found[1]}"
    return None
