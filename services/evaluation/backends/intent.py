"""What kind of change do the words of an instruction ask for?"""

import re
from dataclasses import dataclass

from editrefiner.contracts import EditKind

COLORS = {  # CIELAB of the colour a word stands for
    "red": (45, 62, 42),
    "crimson": (40, 58, 28),
    "scarlet": (48, 66, 48),
    "orange": (67, 34, 64),
    "yellow": (88, -6, 72),
    "gold": (76, 6, 58),
    "golden": (76, 6, 58),
    "green": (50, -44, 36),
    "lime": (80, -52, 62),
    "olive": (52, -10, 46),
    "teal": (50, -28, -9),
    "turquoise": (76, -38, -4),
    "cyan": (82, -40, -18),
    "blue": (42, 8, -52),
    "navy": (18, 16, -36),
    "purple": (38, 48, -42),
    "violet": (44, 48, -46),
    "lavender": (76, 16, -22),
    "magenta": (55, 80, -45),
    "pink": (74, 38, 4),
    "brown": (40, 18, 30),
    "beige": (86, 2, 14),
    "black": (10, 0, 0),
    "white": (96, 0, 0),
    "gray": (54, 0, 0),
    "grey": (54, 0, 0),
    "silver": (74, 0, -1),
}
_WHOLE = r"(?:photo|picture|image|scene|whole|everything|it|style|frame|view|entire)"
_LOOKS = (
    r"(?:style|painting|painted|watercolou?r|sketch|drawing|cartoon|anime|comic|pixel art|illustration|"
    r"winter|summer|autumn|spring|season|night|day(?:time|light)?|sunset|sunrise|dawn|dusk|evening|morning|"
    r"snow\w*|rain\w*|fog\w*|mist\w*|storm\w*|sunny|cloudy|weather|bright\w*|dark\w*|light(?:er|ing)|"
    r"illuminat\w*|warm\w*|cool(?:er)?|cold\w*|contrast|saturat\w*|exposure|tone|tint|vintage|sepia|retro|"
    r"black and white|monochrome|gr[ae]yscale|cyberpunk|neon|cinematic|colou?r grad\w*|vivid|faded)"
)
_COLOR_WORDS = "|".join(COLORS)
_REMOVE = (
    r"\b(?:remov\w*|delet\w*|eras\w*|eliminat\w*|discard\w*|eradicat\w*|expunged?|get rid of|wipe|without|"
    r"take (?:away|out|off)|ensure there's no|should be no)\b"
)
_WHOLE_RULE = (
    rf"\b{_WHOLE}\b.*\b{_LOOKS}\b|\b{_LOOKS}\b.*\b{_WHOLE}\b|"
    r"\bchange the (?:time|weather|season|lighting|light|tone|mood)\b|^\w+ing (?:the )?\w+$"
)
_RULES: tuple[tuple[EditKind, str], ...] = (  # the first that is found wins
    (
        EditKind.RESTORE,
        r"\b(?:denois|deblur|unblur|dehaz|derain|sharpen|restor|coloriz|colouriz|upscal)\w*|^fill in\b|"
        r"\b(?:remov|clear|reduc|eliminat|eras|without)\w*\W+(?:\w+\W+){0,2}?"
        r"(?:noise|blur\w*|haz\w*|fog|mist|rain\w*|snow\w*|grain|scratch\w*|jpeg)\b",
    ),
    (EditKind.TEXT, r"\b(?:text|word|letters?|caption|lettering|slogan)\b|['\"‘“][^'\"’”]+['\"’”]"),
    (EditKind.REMOVE, "^(?:please )?" + _REMOVE),
    (EditKind.ADD, r"^(?:please )?(?:add|put|place|insert|draw|include|introduce)\b"),
    (EditKind.BACKGROUND, r"\b(?:background|backdrop|environment in|setting of)\b"),
    (EditKind.REPLACE, r"^(?:please )?(?:replace|swap|exchange|substitute)\b"),
    (
        EditKind.GLOBAL,
        _WHOLE_RULE,
    ),
    (EditKind.REMOVE, _REMOVE),
    (
        EditKind.RECOLOR,
        rf"\b(?:colou?r|recolou?r|paint|dye|tint|hue|shade|pigment)\b|\b(?:{_COLOR_WORDS})\s*[.!]?$|"
        rf"\b(?:in|is|be|turn\w*|make|to) (?:\w+ )?(?:{_COLOR_WORDS})\b",
    ),
    (EditKind.ADD, r"\b(?:add|give|wear\w*|hold\w*|adorn|increases? to)\b"),
    (
        EditKind.MATERIAL,
        r"\b(?:material|texture|made (?:of|out of|from)|wooden|marble|crochet|glass|metal\w*)\b",
    ),
    (EditKind.REPLACE, r"\b(?:replace|turn|change|transform|convert|alter|modify)\b"),
    (EditKind.GLOBAL, rf"\b{_LOOKS}\b"),
)
_DIRECTIONS = (  # words -> direction in CIELAB lightness, a, b, and relative chroma
    (r"\b(?:bright\w*|lighter|illuminat\w*|sunny|daylight|exposure)\b", (1.0, 0.0, 0.0, 0.0)),
    (r"\b(?:dark\w*|night|dim\w*|dusk)\b", (-1.0, 0.0, 0.0, 0.0)),
    (r"\b(?:warm\w*|sunset|sunrise|sepia|autumn)\b", (0.0, 0.2, 1.0, 0.0)),
    (r"\b(?:cool\w*|cold\w*|winter|snow\w*)\b", (0.0, -0.2, -1.0, 0.0)),
    (r"\b(?:black and white|monochrome|gr[ae]yscale|desaturat\w*|faded)\b", (0.0, 0.0, 0.0, -1.0)),
    (r"\b(?:vivid|vibrant|saturat\w*|colou?rful)\b", (0.0, 0.0, 0.0, 1.0)),
)
_PLURAL = r"\b(?:all|both|every|each|two|three|several)\b|\bthe (?!\w*(?:ss|us|is|ens)\b)(?:\w+ )?\w{2,}s\b"


@dataclass(frozen=True)
class Intent:
    """What an instruction asks for, as far as its verbs and colour words tell."""

    kind: EditKind
    color: tuple[float, float, float] | None = None
    """CIELAB of the colour asked for; None where the instruction asks for no named colour."""
    direction: tuple[float, float, float, float] | None = None
    """Where the tone of the whole frame should go: lightness, a, b, chroma. None where no word says."""
    is_plural: bool = False
    """Whether several things are to change in the same way."""
    may_blur: bool = False
    """Whether losing fine detail is asked for."""

    names_whole: bool = False
    """Whether the words say that the whole picture is meant, and not the look of one thing in it."""

    @property
    def is_global(self) -> bool:
        """Whether the whole frame may change."""
        return self.kind in {EditKind.GLOBAL, EditKind.RESTORE}


def read_intent(instruction: str) -> Intent:
    """Sort an English instruction by its words; a kind that no rule finds is `unknown`."""
    text = instruction.lower().strip()
    kind = next((kind for kind, rule in _RULES if re.search(rule, text)), EditKind.UNKNOWN)
    if text.startswith("fill in"):
        kind = EditKind.REPLACE  # a hole is a place in the frame
    return Intent(
        kind=kind,
        color=_color(text) if kind is EditKind.RECOLOR else None,
        direction=next((way for rule, way in _DIRECTIONS if re.search(rule, text)), None),
        is_plural=re.search(_PLURAL, text) is not None,
        names_whole=kind is EditKind.RESTORE or re.search(_WHOLE_RULE, text) is not None,
        may_blur=re.search(r"\b(?:blur|bokeh|smooth|soften|defocus)\b", text) is not None,
    )


def _color(text: str) -> tuple[float, float, float] | None:
    """The colour word that stands last: `change the red hat to blue` asks for blue."""
    words = [word for word in re.findall(r"[a-z]+", text) if word in COLORS]
    return COLORS[words[-1]] if words else None
