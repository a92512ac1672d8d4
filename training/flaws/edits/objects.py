"""How does a thing come into a picture, leave it, or give way to another?"""

from functools import partial

import numpy as np

from editrefiner.contracts import EditKind
from training.flaws import wording
from training.flaws.edits.cutout import Cutout, cutouts, pasted, spot_for, spot_like, turned
from training.flaws.edits.palette import far_colors, recolored
from training.flaws.edits.pixels import bystanders, differs, extent
from training.flaws.scene import IdealEdit, Random, Scene, Segment


def add(scene: Scene, other: Scene, rng: Random) -> IdealEdit | None:
    """A thing of the other photograph comes into this one."""
    choice = cutouts(other, rng)
    put = _put(scene, choice, rng)
    if put is None:
        return None
    cutout, ideal, content = put
    intended = extent(scene.picture, ideal, content, margin=3)
    return IdealEdit(
        source=scene.picture,
        ideal=ideal,
        instruction=_addition(scene, cutout, content, rng),
        kind=EditKind.ADD,
        intended=intended,
        target=cutout.name if cutout.name != wording.UNNAMED else "object",
        content=content,
        bystanders=bystanders(scene.segments, intended),
        wrong=partial(_wrong_thing, scene.picture, ideal, content, intended, cutout, choice),
    )


def remove(scene: Scene, other: Scene, rng: Random) -> IdealEdit | None:
    """A thing that was put into the photograph goes, and the photograph is what is left."""
    choice = cutouts(other, rng)
    put = _put(scene, choice, rng)
    if put is None:
        return None
    cutout, source, content = put
    intended = extent(source, scene.picture, content, margin=3)
    target = _target(cutout, content, scene, rng)
    rest = [c for c in choice if c is not cutout]
    return IdealEdit(
        source=source,
        ideal=scene.picture,
        instruction=wording.say(wording.REMOVE, rng, target=target),
        kind=EditKind.REMOVE,
        intended=intended,
        target=target,
        content=content,
        bystanders=bystanders(scene.segments, intended),
        wrong=partial(_left_over, scene.picture, content, intended, rest) if rest else None,
    )


def replace(scene: Scene, other: Scene, rng: Random) -> IdealEdit | None:
    """One thing gives way to another that stands in the same place."""
    choice = [*cutouts(other, rng), *cutouts(scene, rng, most=2)]
    put = _put(scene, choice[:4], rng)
    if put is None:
        return None
    old, source, old_content = put
    for new in choice:
        different = new is not old and (new.name != old.name or new.name == wording.UNNAMED)
        spot = spot_like(old_content, new, rng) if different else None
        result = pasted(scene.picture, turned(new, rng), spot, shadow=rng.uniform(0, 0.6)) if spot else None
        if result is None:
            continue
        ideal, content = result
        intended = extent(source, ideal, content | old_content, margin=3)
        target = _target(old, old_content, scene, rng)
        thing = wording.a_thing(new.name, new.color, rng)
        rest = [c for c in choice if c is not old and c is not new]
        clean = scene.picture
        return IdealEdit(
            source=source,
            ideal=ideal,
            instruction=wording.say(wording.REPLACE, rng, target=target, thing=thing),
            kind=EditKind.REPLACE,
            intended=intended,
            target=target,
            content=content,
            bystanders=bystanders(scene.segments, intended | differs(source, clean)),
            wrong=partial(_wrong_replacement, source, clean, ideal, content, intended, new, rest),
        )
    return None


def _put(scene: Scene, choice: list[Cutout], rng: Random) -> tuple[Cutout, np.ndarray, np.ndarray] | None:
    """The first thing that finds a place: it, the picture with it, and where it is."""
    for cutout in choice[:3]:
        spot = spot_for(scene, cutout, rng)
        if spot is None:
            continue
        shadow = rng.uniform(0.3, 1.0) if rng.random() < 0.6 else 0.0
        result = pasted(scene.picture, turned(cutout, rng), spot, shadow=shadow)
        if result is not None:
            return cutout, *result
    return None


def _target(cutout: Cutout, content: np.ndarray, scene: Scene, rng: Random) -> str:
    twins = wording.namesakes(Segment(cutout.name, content), scene.segments) + 1
    return wording.refer(cutout.name, content, cutout.color, rng, twins)


def _addition(scene: Scene, cutout: Cutout, content: np.ndarray, rng: Random) -> str:
    thing = wording.a_thing(cutout.name, cutout.color, rng)
    place = wording.where(content, rng) or "in the middle"
    near = _neighbour(scene, content) if rng.random() < 0.35 else None
    if near:
        words = np.array(["next to the", "near the", "close to the", "beside the", "by the"])
        place = f"{rng.choice(words)} {near}"
    return wording.say(wording.ADD, rng, thing=thing, place=place)


def _neighbour(scene: Scene, content: np.ndarray) -> str | None:
    """The name of a small thing whose middle is not far from the place."""
    rows, columns = np.nonzero(content)
    here = np.array([rows.mean(), columns.mean()])
    for segment in scene.segments:
        if segment.name == wording.UNNAMED or not segment.is_thing or segment.mask.mean() > 0.2:
            continue
        if wording.namesakes(segment, scene.segments):
            continue
        ys, xs = np.nonzero(segment.mask)
        if len(ys) and np.hypot(*(here - [ys.mean(), xs.mean()])) < 0.35 * max(content.shape):
            return segment.name
    return None


def _fit(
    clean: np.ndarray, intended: np.ndarray, choice: list[Cutout], rng: Random
) -> tuple[np.ndarray, str] | None:
    """Another thing where the asked one should be, as large as stays within the intended place."""
    for cutout in (choice[i] for i in rng.permutation(len(choice))):
        for share in (0.8, 0.5, 0.3):
            spot = spot_like(intended, cutout, rng, share)
            if spot is None:
                continue
            result = pasted(clean, cutout, spot, within=intended)
            if result is None:
                continue
            whole = (cutout.mask > 0).mean() * spot.width * spot.height
            if result[1].sum() > 0.85 * whole:
                return result[0], wording.a_thing(cutout.name, cutout.color, rng)
    return None


def _wrong_thing(
    clean: np.ndarray,
    ideal: np.ndarray,
    content: np.ndarray,
    intended: np.ndarray,
    asked: Cutout,
    choice: list[Cutout],
    rng: Random,
) -> tuple[np.ndarray, str] | None:
    others = [c for c in choice if c is not asked and c.name != asked.name]
    name = asked.name if asked.name != wording.UNNAMED else "object"
    fit = _fit(clean, intended, others, rng) if others and rng.random() < 0.7 else None
    if fit is not None:
        return fit[0], f"{fit[1]} instead of the {name}"
    far = far_colors(ideal, content)
    if not far:
        return None
    color = str(rng.choice(np.array(far)))
    return recolored(ideal, content, color), f"the {name} in an unnatural {color}"


def _left_over(
    clean: np.ndarray, content: np.ndarray, intended: np.ndarray, rest: list[Cutout], rng: Random
) -> tuple[np.ndarray, str] | None:
    fit = _fit(clean, intended, rest, rng) if content.any() else None
    return (fit[0], f"{fit[1]} in its place instead of empty ground") if fit else None


def _wrong_replacement(
    source: np.ndarray,
    clean: np.ndarray,
    ideal: np.ndarray,
    content: np.ndarray,
    intended: np.ndarray,
    asked: Cutout,
    rest: list[Cutout],
    rng: Random,
) -> tuple[np.ndarray, str] | None:
    found = _wrong_thing(clean, ideal, content, intended, asked, rest, rng)
    if found is None:
        return None
    # Outside of the intended place the clean photograph may lack a shadow that the source has.
    return np.where(intended[..., None], found[0], source), found[1]
