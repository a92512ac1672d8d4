"""How do people put an edit into words?"""

import re
from collections.abc import Sequence

import numpy as np

from training.flaws.scene import Random, Segment

UNNAMED = "area"
SMALLEST_SPREAD = 0.4  # of the frame; a larger segment is everywhere, so nobody says where it is
PLURAL = frozenset({"scissors", "skis", "people", "jeans", "trousers", "glasses", "flowers", "fruits"})
PEOPLE = frozenset(
    {"person", "people", "man", "woman", "men", "women", "boy", "girl", "child", "baby", "face"}
)
"""The mean colour of a person is nothing to call them by, and nothing to repaint."""

RECOLOR = (
    "Make the {target} {color}.",
    "Turn the {target} {color}.",
    "Change the colour of the {target} to {color}.",
    "Change the color of the {target} to {color}.",
    "Recolor the {target} in {color}.",
    "Please recolour the {target} {color}.",
    "Paint the {target} {color}.",
    "I want the {target} to be {color}, so change its colour.",
    "Can you make the {target} {color}?",
    "The {target} should be {color}.",
    "Dye the {target} {color}.",
    "Could you please turn the {target} {color}?",
    "Give the {target} a {color} color.",
    "I'd like the color of the {target} to be {color}.",
    "The colour of the {target} should become {color}.",
)
REMOVE = (
    "Remove the {target}.",
    "Delete the {target} from the photo.",
    "Please remove the {target} from the picture.",
    "Erase the {target}.",
    "Get rid of the {target}.",
    "Take the {target} out: remove it completely.",
    "I want the {target} removed.",
    "Can you remove the {target}?",
    "Eliminate the {target} from the image.",
    "Take away the {target}.",
    "There should be no trace left of the {target}; delete it.",
    "Make the {target} disappear.",
)
ADD = (
    "Add {thing} {place}.",
    "Put {thing} {place}.",
    "Place {thing} {place}.",
    "Insert {thing} {place} of the photo.",
    "Please add {thing} {place}.",
    "I want you to add {thing} {place}.",
    "Can you add {thing} {place}?",
    "Add {thing} to the picture, {place}.",
    "Include {thing} {place}.",
    "I would like to add {thing} {place}.",
    "Could you please put {thing} {place}?",
    "Add {thing}.",
)
REPLACE = (
    "Replace the {target} with {thing}.",
    "Swap the {target} for {thing}.",
    "Please replace the {target} by {thing}.",
    "Substitute {thing} for the {target}.",
    "Exchange the {target} for {thing}.",
    "Turn the {target} into {thing}.",
    "Swap out the {target} for {thing}.",
    "I want {thing} instead of the {target}.",
    "Can you swap the {target} with {thing}?",
    "Please swap the {target} for {thing}.",
    "I'd like the {target} replaced with {thing}.",
)
BACKGROUND = (
    "Change the background to {thing}.",
    "Replace the background with {thing}.",
    "Please change the background to {thing}.",
    "Set the background to {thing} and keep the {target}.",
    "Keep the {target} and change the background to {thing}.",
    "I want {thing} as the background.",
    "Give the {target} a new backdrop: {thing}.",
    "Can you make the background {thing}?",
    "Make {thing} the backdrop behind the {target}.",
    "The background should be {thing}.",
    "Swap the background for {thing}.",
)
MATERIAL = (
    "Make the {target} out of {material}; it should look made of {material}.",
    "Change the material of the {target} to {material}.",
    "Give the {target} a {material} texture.",
    "The {target} should be made of {material}.",
    "Turn the {target} into something made of {material}.",
    "Please make the {target} look like it is made of {material}.",
    "I want the {target} made from {material}.",
    "Can you change the texture of the {target} to {material}?",
    "Let the {target} have the texture of {material}.",
    "Transform the material of the {target} to {material}.",
    "Cover the {target} with a {material} texture.",
)
PATTERN = (
    "Give the {target} a {material} pattern.",
    "Cover the {target} with a {material} pattern.",
    "Change the {target}: give it a {material} texture.",
    "Change the texture of the {target} to a {material} pattern.",
    "Please give the {target} a {material} texture.",
    "I want a {material} pattern on the {target}.",
    "Make the {target} have a {material} pattern.",
    "The {target} should get a {material} pattern.",
)
TEXT = (
    'Change the text "{old}" to "{new}".',
    'Replace the word "{old}" with "{new}".',
    "Replace '{old}' with '{new}' on the sign.",
    'The text should say "{new}" instead of "{old}".',
    'Please change the word "{old}" on the sign to "{new}".',
    'I want the sign text "{old}" to read "{new}".',
    'Swap the text "{old}" for "{new}".',
    'Edit the lettering: "{old}" becomes "{new}".',
    "Can you change the text '{old}' to '{new}'?",
    'Rewrite the text "{old}" as "{new}".',
)
RETONE = (
    "Make the colour of the {target} {shade}.",
    "Make the color of the {target} {shade}.",
    "Change the colour of the {target} so that it is {shade}.",
    "I want the color of the {target} {shade}.",
    "Please make the hue of the {target} {shade}.",
    "Give the {target} a {shade} tint.",
    "Change the hue of the {target}, {shade} please.",
    "Recolor the {target} so that it becomes {shade}.",
    "Could you make the tint of the {target} {shade}?",
    "The colour of the {target} should be {shade}.",
    "Recolour the {target} so it looks {shade}.",
    "Make the {target} {shade}.",
    "Please make the {target} {shade}.",
)

_JOINTS = (" and ", ", and ", ", then ", " and also ", "; also ")
_NO_IMPERATIVE = re.compile(r"^(?:I|I'd|The|There|Can|Could|Let|Please|Keep|Edit)\b")


def say(templates: Sequence[str], rng: Random, **words: str) -> str:
    """One of the templates filled in; sometimes as carelessly typed as people do."""
    sentence = str(rng.choice(np.array(templates))).format(**words)
    if rng.random() < 0.25:
        sentence = re.sub(r"\bgray\b", "grey", sentence)
    if rng.random() < 0.2:
        sentence = sentence.rstrip(".")
        if rng.random() < 0.6 and not sentence.startswith("I"):
            sentence = sentence[0].lower() + sentence[1:]
    return sentence[0].upper() + sentence[1:] if sentence.endswith(".") else sentence


def joined(first: str, second: str, rng: Random) -> str:
    """Two requests in one instruction."""
    if _NO_IMPERATIVE.match(first) or _NO_IMPERATIVE.match(second) or "?" in first + second:
        stop = "" if first.endswith("?") else "."
        return f"{first.rstrip('.')}{stop} {second[0].upper()}{second[1:]}"
    return f"{first.rstrip('.')}{rng.choice(np.array(_JOINTS))}{second[0].lower()}{second[1:]}"


def refer(name: str, mask: np.ndarray, color: str | None, rng: Random, namesakes: int = 0) -> str:
    """What the instruction calls a thing, without its article: "brown dog on the left".

    `color` is its adjective where it has a clear one; with `namesakes` the place is always told.
    """
    noun = name
    if name == UNNAMED:
        noun = str(rng.choice(np.array(["area", "area", "object", "thing", "part"])))
    vague = name == UNNAMED or namesakes > 0
    color = None if name in PEOPLE else color
    manner = rng.random()
    with_color = color is not None and rng.random() < 0.7 if vague else manner < 0.4
    with_place = vague or 0.25 < manner < 0.62
    place = where(mask, rng) if with_place else ""
    words = [color if with_color else "", noun, place]
    return " ".join(word for word in words if word)


def where(mask: np.ndarray, rng: Random) -> str:
    """The place of a mask in words, "on the left"; empty where it fills the frame."""
    if mask.mean() > SMALLEST_SPREAD:
        return ""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return ""
    y = (rows[0] + rows[-1] + 1) / 2 / mask.shape[0]
    x = (columns[0] + columns[-1] + 1) / 2 / mask.shape[1]
    across = "left" if x < 0.38 else "right" if x > 0.62 else ""
    down = "top" if y < 0.34 else "bottom" if y > 0.66 else ""
    if across and down:
        corner = f"{'upper' if down == 'top' and rng.random() < 0.4 else down} {across}"
        ways = [f"in the {corner} corner", f"at the {corner}", f"on the {across}", f"at the {down}"]
    elif across:
        ways = [f"on the {across}", f"on the {across} side", f"at the {across}", f"to the {across}"]
    elif down:
        ways = [f"at the {down}", f"at the very {down}" if abs(y - 0.5) > 0.35 else f"at the {down}"]
    else:
        ways = ["in the middle", "in the center", "in the centre"]
    return str(rng.choice(np.array(ways)))


def a_thing(name: str, color: str | None, rng: Random) -> str:
    """A thing that is to come, with its article: "an orange", "a brown dog"."""
    noun = str(rng.choice(np.array(["object", "thing", "shape"]))) if name == UNNAMED else name
    told = color if color and name not in PEOPLE and (name == UNNAMED or rng.random() < 0.35) else ""
    phrase = f"{told} {noun}".strip()
    if noun in PLURAL:
        return f"some {phrase}"
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def namesakes(segment: Segment, segments: Sequence[Segment]) -> int:
    """How many other segments have the same name."""
    return sum(other.name == segment.name for other in segments) - 1
