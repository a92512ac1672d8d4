"""How does the background change behind the main thing?"""

from functools import partial

import cv2
import numpy as np

from editrefiner.contracts import EditKind
from training.flaws import wording
from training.flaws.edits.palette import LOOKS, color_word
from training.flaws.edits.pixels import blend, bystanders, differs, fitting, soft, solidity
from training.flaws.lab import from_lab
from training.flaws.scene import IdealEdit, Random, Scene

PLAIN = ("white", "black", "gray", "blue", "green", "pink", "yellow", "red", "turquoise", "purple")


def background(scene: Scene, other: Scene, rng: Random) -> IdealEdit | None:
    """Everything behind the largest thing becomes another place, or one plain colour."""
    things = [s for s in fitting(scene, rng, 0.06, 0.6, things=True) if solidity(s.mask) > 0.62]
    if not things:
        return None
    subject = max(things, key=lambda s: int(s.mask.sum()))
    plain = rng.random() < 0.3
    color = str(rng.choice(np.array(PLAIN)))
    behind = (
        _plain(scene.picture.shape, color, rng) if plain else _covering(other.picture, subject.mask.shape)
    )
    thing = f"a plain {color} wall" if plain and rng.random() < 0.4 else f"plain {color}"
    thing = thing if plain else _scenery(other, rng)
    ideal = _behind(scene.picture, behind, subject.mask)
    intended = ~subject.mask | differs(scene.picture, ideal)
    target = "subject" if subject.name == wording.UNNAMED else subject.name
    instruction = wording.say(wording.BACKGROUND, rng, thing=thing, target=target)
    return IdealEdit(
        source=scene.picture,
        ideal=ideal,
        instruction=instruction,
        kind=EditKind.BACKGROUND,
        intended=intended,
        target="background",
        content=~subject.mask,
        bystanders=bystanders(scene.segments, intended),
        wrong=partial(_wrong_place, scene.picture, subject.mask, intended, color if plain else ""),
    )


def _behind(picture: np.ndarray, behind: np.ndarray, subject: np.ndarray) -> np.ndarray:
    # The old background bleeds into the outermost pixels of the subject, so they go with it.
    core = cv2.erode(subject.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return blend(picture, behind, 1 - soft(core, 0.9))


def _covering(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The picture scaled and cut to fill the frame."""
    height, width = shape[:2]
    scale = max(height / picture.shape[0], width / picture.shape[1])
    size = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    large = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    x, y = (size[0] - width) // 2, (size[1] - height) // 2
    return large[y : y + height, x : x + width]


def _plain(shape: tuple[int, ...], color: str, rng: Random) -> np.ndarray:
    """A studio backdrop: one colour, lighter on one side, with the grain of a photograph."""
    light, chroma, hue = LOOKS[color]
    angle = np.radians(hue)
    lab = np.empty(shape, np.float32)
    ramp = np.linspace(-5, 5, shape[1], dtype=np.float32) * rng.choice(np.array([-1, 1]))
    lab[...] = (light, chroma * np.cos(angle), chroma * np.sin(angle))
    lab[..., 0] += ramp + rng.normal(0, 0.7, shape[:2]).astype(np.float32)
    return from_lab(np.clip(lab, (0, -128, -128), (100, 127, 127)))


def _scenery(other: Scene, rng: Random) -> str:
    """What people would call the other photograph when they want it behind a thing."""
    named = [s for s in other.segments if s.name != wording.UNNAMED and s.mask.mean() > 0.08]
    stuff = list(dict.fromkeys(s.name for s in sorted(named, key=lambda s: s.is_thing)))[:2]
    if stuff:
        what = " and ".join(stuff)
        ways = [f"a scene with {what}", f"a place with {what}", f"a picture of {what}", what]
        return str(rng.choice(np.array(ways)))
    color = color_word(other.picture, np.ones(other.picture.shape[:2], bool))
    dark = "dark" if other.picture.mean() < 95 else "bright"
    place = rng.choice(np.array(["place", "scene", "landscape", "setting"]))
    return f"a {dark} {color or 'different'} {place}"


def _wrong_place(
    picture: np.ndarray, subject: np.ndarray, intended: np.ndarray, asked: str, rng: Random
) -> tuple[np.ndarray, str]:
    if rng.random() < 0.35:
        behind = cv2.GaussianBlur(picture, (0, 0), max(picture.shape[:2]) * 0.02)
        said = "the old background, only blurred"
    else:
        color = str(rng.choice(np.array([c for c in PLAIN if c != asked])))
        behind, said = _plain(picture.shape, color, rng), f"a plain {color} background"
    return np.where(intended[..., None], _behind(picture, behind, subject), picture), said
