"""How does a description speak of a target, of a thing and of a place?"""

import numpy as np

from training.flaws.scene import Random


def said(rng: Random, *wordings: str) -> str:
    """One of several wordings."""
    return wordings[int(rng.integers(len(wordings)))]


def named(target: str) -> str:
    """How a description calls the target of an edit."""
    if not target:
        return "the target"
    return target if target.split()[0].lower() in {"the", "a", "an"} else f"the {target}"


def called(name: str) -> str:
    """How a description calls a segment."""
    return "a part of the background" if name in {"", "area"} else f"the {name}"


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def whereabouts(mask: np.ndarray) -> str:
    """Where in the frame a mask is, in words."""
    ys, xs = np.nonzero(mask)
    if len(ys) == 0:
        return "in the picture"
    row = ("upper", "", "lower")[min(2, int(3 * ys.mean() / mask.shape[0]))]
    column = ("left", "", "right")[min(2, int(3 * xs.mean() / mask.shape[1]))]
    if not row and not column:
        return "near the centre"
    if not row:
        return f"at the {column}"
    return f"at the {row} {column}" if column else f"in the {row} middle"
