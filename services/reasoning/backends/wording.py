"""How is a ruling said in English? Facts become sentences, with places and colours in words."""

from collections.abc import Sequence

import numpy as np

from editrefiner.contracts import Evidence, FlawType
from services.reasoning.backends.facts import Facts
from services.reasoning.backends.rules import Ruling

NAMES = {
    FlawType.DISTORTED_STRUCTURE: "distorted structure",
    FlawType.UNNATURAL_TEXTURE: "unnatural texture",
    FlawType.BLUR: "blurred patch",
    FlawType.NOISE: "noisy patch",
    FlawType.SEAM_OR_HALO: "visible seam",
    FlawType.COLOR_CAST: "color cast",
    FlawType.LIGHTING_MISMATCH: "lighting mismatch",
    FlawType.INCOMPLETE_EDIT: "incomplete edit",
    FlawType.UNINTENDED_CHANGE: "unintended change",
    FlawType.UNINTENDED_REMOVAL: "unintended removal",
    FlawType.GLOBAL_DRIFT: "drift of the whole picture",
}
TASKS = {
    FlawType.DISTORTED_STRUCTURE: "Redraw what is here with a plausible shape that fits the instruction.",
    FlawType.UNNATURAL_TEXTURE: "Give this area the texture of its surroundings.",
    FlawType.BLUR: "Bring back the fine detail of this area.",
    FlawType.NOISE: "Remove the noise of this area and keep its detail.",
    FlawType.SEAM_OR_HALO: "Let this area meet its surroundings without a visible border.",
    FlawType.COLOR_CAST: "Take the color cast off this area.",
    FlawType.LIGHTING_MISMATCH: "Light this area as its surroundings are lit.",
    FlawType.INCOMPLETE_EDIT: "Finish here what the instruction asks for.",
    FlawType.UNINTENDED_CHANGE: "Show here what the source shows.",
    FlawType.UNINTENDED_REMOVAL: "Bring back what the source shows here.",
    FlawType.GLOBAL_DRIFT: "Give the picture the colour and light of the source.",
}
HUES = (  # CIELAB hue angle in degrees up to which a name holds
    (15, "pink"),
    (50, "red"),
    (78, "orange"),
    (110, "yellow"),
    (165, "green"),
    (225, "cyan"),
    (295, "blue"),
    (335, "purple"),
    (360, "pink"),
)
GRAY_CHROMA = 9.0  # below this a colour has no hue to speak of


def place_of(box: tuple[int, int, int, int], height: int, width: int) -> str:
    """Where a box lies in the frame: `in the upper left`, `in the middle`, ..."""
    across = ("left", "", "right")[min(2, int(3 * (box[0] + box[2]) / 2 / width))]
    down = ("upper", "", "lower")[min(2, int(3 * (box[1] + box[3]) / 2 / height))]
    match down, across:
        case "", "":
            return "in the middle"
        case "", side:
            return f"on the {side}"
        case edge, "":
            return f"in the {edge} middle"
        case edge, side:
            return f"in the {edge} {side}"


def color_name(lab: tuple[float, float, float]) -> str:
    """A plain English name of a CIELAB colour."""
    lightness, a, b = lab
    if np.hypot(a, b) < GRAY_CHROMA:
        return "black" if lightness < 18 else "white" if lightness > 88 else "gray"
    angle = float(np.degrees(np.arctan2(b, a))) % 360
    hue = next(name for limit, name in HUES if angle <= limit)
    if hue in {"orange", "yellow"} and lightness < 50:
        return "brown"
    shade = "dark " if lightness < 28 else "light " if lightness > 80 else ""
    return shade + hue


def explanation(ruling: Ruling, facts: Facts, place: str, instruction: str) -> str:
    """What is seen and why it is a flaw."""
    seen = f"{place[0].upper()}{place[1:]}, {_what_is_seen(ruling, facts)}."
    if not ruling.is_flaw:
        return f"{seen} That is no more than an encoder does, so it is not a flaw."
    asked = instruction.rstrip(" .")
    if ruling.in_requested_change:
        return f'{seen} It lies in the change that "{asked}" asks for, which does not explain it.'
    return f'{seen} The instruction "{asked}" does not ask for a change here.'


def _what_is_seen(ruling: Ruling, facts: Facts) -> str:
    before, after = color_name(facts.source_color), color_name(facts.edited_color)
    turned = f"turned from {before} to {after}" if before != after else f"became a different {after}"
    if not ruling.is_flaw:
        return "the picture differs hardly from the source"
    match ruling.flaw_type:
        case FlawType.BLUR:
            return f"the content is the same but {1 - facts.sharpness_ratio:.0%} of its fine detail is gone"
        case FlawType.NOISE:
            return f"the content is the same but fine grain is {facts.sharpness_ratio:.1f} times as strong"
        case FlawType.COLOR_CAST:
            return (
                f"the color drifts by {facts.color_shift:.0f} CIELAB units towards {after} while shapes stay"
            )
        case FlawType.GLOBAL_DRIFT:
            shift = f"{facts.color_difference:.0f} CIELAB units"
            return f"nearly the whole picture is off by {shift} although nobody asked for that"
        case FlawType.LIGHTING_MISMATCH:
            word = "brighter" if facts.lightness_shift > 0 else "darker"
            return f"the area is {abs(facts.lightness_shift):.0f} CIELAB units {word} than it should be"
        case FlawType.UNINTENDED_REMOVAL:
            return f"what the source shows is gone: {1 - facts.edge_ratio:.0%} of its outlines are missing"
        case FlawType.SEAM_OR_HALO:
            return f"a border that the source does not have steps by {facts.new_border_edge:.0f} gray levels"
        case FlawType.INCOMPLETE_EDIT:
            return "the area was cleared and nothing took its place"
        case FlawType.DISTORTED_STRUCTURE | FlawType.UNNATURAL_TEXTURE:
            return f"shapes share only {facts.structure_similarity:.0%} of their structure with the source"
        case _:
            if facts.structure_similarity >= 0.75:
                return f"what the source shows {turned} while its shape stayed"
            return f"other content took the place of what the source shows ({before} there, {after} now)"


def evidence(facts: Facts) -> tuple[Evidence, ...]:
    """The measured facts as data, each with its meaning."""
    rows = (
        (
            "color_difference",
            facts.color_difference,
            "delta_e",
            "mean CIELAB distance to the source is {:.1f}",
        ),
        ("lightness_shift", facts.lightness_shift, "delta_l", "lightness changed by {:+z.1f}"),
        ("color_shift", facts.color_shift, "delta_ab", "mean color moved by {:.1f}"),
        ("border_sharpness", facts.border_sharpness, "ratio", "the difference ends at the border by {:.0%}"),
        ("sharpness_ratio", facts.sharpness_ratio, "ratio", "fine detail is {:.0%} of the source's"),
        ("structure_similarity", facts.structure_similarity, "ratio", "structure agrees by {:.0%}"),
        ("edge_ratio", facts.edge_ratio, "ratio", "outlines are {:.0%} of the source's"),
        (
            "new_border_edge",
            facts.new_border_edge,
            "gray_levels",
            "the border steps by {:.0f} more than the source",
        ),
        ("intended_overlap", facts.intended_overlap, "fraction", "{:.0%} of it is the requested change"),
    )
    return tuple(
        Evidence(name=name, value=round(value, 3), unit=unit, meaning=meaning.format(value))
        for name, value, unit, meaning in rows
    )


def summary(found: Sequence[tuple[Ruling, str]]) -> str:
    """One sentence over all regions; each comes with its place."""
    flaws = [f"a {NAMES[ruling.flaw_type]} {place}" for ruling, place in found if ruling.is_flaw]
    flaws = [f"an{flaw[1:]}" if flaw[2] in "aeiou" else flaw for flaw in flaws]
    if not flaws:
        return "No flaw: the regions differ from the source by no more than an encoder does."
    listed = flaws[0] if len(flaws) == 1 else f"{', '.join(flaws[:-1])} and {flaws[-1]}"
    count = "One flaw" if len(flaws) == 1 else f"{len(flaws)} flaws"
    return f"{count}: {listed}."
