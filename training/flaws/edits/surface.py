"""How does one segment take another colour or another tone?"""

from collections.abc import Callable
from functools import partial

import numpy as np

from editrefiner.contracts import EditKind
from training.flaws import wording
from training.flaws.edits.palette import color_word, far_colors, recolored
from training.flaws.edits.pixels import blend_box, box_of, bystanders, extent, fitting, visible
from training.flaws.lab import from_lab, to_lab
from training.flaws.scene import IdealEdit, Random, Scene, Segment

MIN_VISIBLE = 9.0  # mean absolute difference, of 255: below it the truth is a matter of opinion

SHADES: dict[str, tuple[str, tuple[str, ...]]] = {
    "brighter": ("darker", ("brighter", "lighter", "much brighter")),
    "darker": ("brighter", ("darker", "much darker", "deeper and darker")),
    "vivid": ("pale", ("more saturated", "more vivid", "more intense")),
    "pale": ("vivid", ("less saturated", "paler", "more muted")),
    "warmer": ("cooler", ("warmer", "a little warmer")),
    "cooler": ("warmer", ("cooler", "colder")),
}
"""Each shade with its opposite and the words for it."""


def recolor(scene: Scene, other: Scene, rng: Random) -> IdealEdit | None:  # noqa: ARG001 — all makers are called alike
    """A segment takes a named colour."""
    fit = [s for s in fitting(scene, rng, 0.006, 0.4) if s.name not in wording.PEOPLE]
    for segment in fit[:4]:
        color = color_word(scene.picture, segment.mask)
        far = [c for c in far_colors(scene.picture, segment.mask) if c != color]
        if not far:
            continue
        new = str(rng.choice(np.array(far)))
        ideal = recolored(scene.picture, segment.mask, new)
        if visible(scene.picture, ideal, segment.mask) < MIN_VISIBLE:
            continue
        target = target_of(segment, scene, rng, unlike=new)
        instruction = wording.say(wording.RECOLOR, rng, target=target, color=new)
        wrong = partial(_other_color, scene.picture, segment.mask, new)
        return surface_edit(scene, segment, ideal, instruction, EditKind.RECOLOR, target, wrong)
    return None


def retone(scene: Scene, other: Scene, rng: Random) -> IdealEdit | None:  # noqa: ARG001 — all makers are called alike
    """A segment becomes brighter, paler, warmer ..."""
    for segment in fitting(scene, rng, 0.006, 0.4)[:3]:
        shade = str(rng.choice(np.array(list(SHADES))))
        opposite, words = SHADES[shade]
        strength = rng.uniform(0.7, 1.2)
        ideal = _shaded(scene.picture, segment.mask, shade, strength)
        if visible(scene.picture, ideal, segment.mask) < MIN_VISIBLE:
            continue
        target = target_of(segment, scene, rng)
        said = str(rng.choice(np.array(words)))
        instruction = wording.say(wording.RETONE, rng, target=target, shade=said)
        wrong = partial(_other_shade, scene.picture, segment.mask, opposite)
        return surface_edit(scene, segment, ideal, instruction, EditKind.RECOLOR, target, wrong)
    return None


def target_of(segment: Segment, scene: Scene, rng: Random, unlike: str = "") -> str:
    """What the instruction calls a segment; never by the colour that it is to take."""
    color = color_word(scene.picture, segment.mask)
    named = color if color != unlike else None
    twins = wording.namesakes(segment, scene.segments)
    return wording.refer(segment.name, segment.mask, named, rng, twins)


def surface_edit(
    scene: Scene,
    segment: Segment,
    ideal: np.ndarray,
    instruction: str,
    kind: EditKind,
    target: str,
    wrong: Callable[[Random], tuple[np.ndarray, str] | None],
) -> IdealEdit:
    """An edit that changes how a segment looks and not where it is."""
    # Every other look of the segment ends at the same soft edge, so this holds for the wrong results too.
    intended = extent(scene.picture, ideal, segment.mask, margin=2)
    return IdealEdit(
        source=scene.picture,
        ideal=ideal,
        instruction=instruction,
        kind=kind,
        intended=intended,
        target=target,
        content=segment.mask,
        bystanders=bystanders(scene.segments, intended),
        wrong=wrong,
    )


def _other_color(
    picture: np.ndarray, mask: np.ndarray, asked: str, rng: Random
) -> tuple[np.ndarray, str] | None:
    far = far_colors(picture, mask, unlike=(asked,))
    if not far:
        return None
    color = str(rng.choice(np.array(far)))
    return recolored(picture, mask, color), f"painted {color} instead of {asked}"


def _other_shade(picture: np.ndarray, mask: np.ndarray, shade: str, rng: Random) -> tuple[np.ndarray, str]:
    word = str(rng.choice(np.array(SHADES[shade][1])))
    return _shaded(picture, mask, shade, 1.0), f"made {word}, the opposite of what was asked"


def _shaded(picture: np.ndarray, mask: np.ndarray, shade: str, strength: float) -> np.ndarray:
    box = box_of(mask, margin=3)
    x0, y0, x1, y1 = box
    lab = to_lab(picture[y0:y1, x0:x1])
    match shade:
        case "brighter":
            lab[..., 0] = 100 * (lab[..., 0] / 100) ** (1 - 0.4 * min(strength, 1.2))
        case "darker":
            lab[..., 0] *= 1 - 0.4 * strength
            lab[..., 1:] *= 0.9
        case "vivid":
            lab[..., 1:] *= 1 + 1.2 * strength
        case "pale":
            lab[..., 1:] *= max(0.05, 1 - 0.85 * strength)
        case "warmer":
            lab[..., 1:] += np.array([7, 22], np.float32) * strength
        case _:
            lab[..., 1:] += np.array([-3, -24], np.float32) * strength
    return blend_box(picture, from_lab(lab), mask, box)
