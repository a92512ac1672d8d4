"""What does the instruction ask for? Its kind, colour, place and number, by rules over its words."""

import re
from dataclasses import dataclass
from typing import Literal

from editrefiner.contracts import EditKind
from services.perception.backends import vocabulary as words

Place = Literal["left", "right", "top", "bottom", "center"]

Reach = Literal["part", "tone", "frame"]
"""A part of the picture; light and colour of the whole frame; anything in the whole frame."""

MAX_CHARACTERS = 600  # the wish comes first; some rules take quadratic time

_RULES: tuple[tuple[EditKind, str], ...] = (
    # First match wins. Damage comes before removal: "remove the noise" is a restoration.
    (
        EditKind.TEXT,
        rf"\b{words.TEXT}\b|{words.QUOTED} (?:to|with|into) {words.QUOTED}"
        rf"|^(?:\w+ ){{1,2}}{words.QUOTED}",
    ),
    (
        EditKind.REPLACE,
        rf"^(?:please |can you )?{words.SWAP}\b"
        rf"(?!(?: \S+){{0,3}} (?:{words.BACKDROP}|sky)\b)(?!.*\bmaterial)",
    ),
    (
        EditKind.RESTORE,
        rf"\b{words.TAKE}(?: \S+){{0,4}}? {words.DAMAGE}(?! the)\b(?!.*\b(?:wearing|dressed)\b)",
    ),
    (EditKind.REMOVE, rf"^(?:please |can you |ensure |confirm )*(?:the )?{words.TAKE}\b"),
    (EditKind.ADD, rf"^(?:please |can you )?{words.PUT}\b(?!.*\bbackground to\b)"),
    (EditKind.GLOBAL, r"\b(?:weather|season|style)\b(?!.*\bbackground)"),
    (EditKind.BACKGROUND, rf"\b{words.BACKDROP}\b(?!ly)"),
    (EditKind.RESTORE, rf"\b{words.DAMAGE}\b(?<!weather to)"),
    (
        EditKind.RECOLOR,
        r"\b(?:colou?r of|hue|tint|paint(?!ing)|pigment|re-?colou?r\w*)\b"
        r"(?!.*\b(?:style|photo|image)\b)",
    ),
    (EditKind.GLOBAL, rf"\b{words.STYLE}\b"),
    (EditKind.REMOVE, rf"\b{words.TAKE}\b"),
    (
        EditKind.RECOLOR,
        rf"\b(?:colou?rs?|hue|tint|dye|shade)\b"
        rf"|\b(?:make|turn\w*|change|give|render|should|shall|alter|cover|transform|let|become|in)\b"
        rf"(?:(?!\b(?:add|with a|into an?|wear\w*|hold\w*)\b).)*\b{words.COLOR}\b\W*$",
    ),
    (EditKind.MATERIAL, rf"\b{words.MATTER}\b"),
    (EditKind.ADD, rf"\b{words.PUT}\b(?! on)"),
    (
        EditKind.REPLACE,
        rf"\b(?:{words.SWAP}|switch\w*|instead of|into|turn\w*|transform\w*|convert\w*|becom\w*|change"
        r"|modify|alter)\b",
    ),
    (
        EditKind.ADD,
        r"\b(?:wear\w*|hold\w*|dress|give|let there be|let's have|bring in|set|arrange|deploy|locate"
        r"|increases? to|two|three|four|five|six|more)\b",
    ),
    (EditKind.REPLACE, r"\b(?:make|edit the photo so that it shows)\b"),
)
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _RULES)

_PLACES: tuple[tuple[Place, str], ...] = (
    ("left", r"\b(?:left|leftmost)\b"),
    ("right", r"\b(?:right|rightmost)\b"),
    ("top", r"\b(?:top|upper|above|sky)\b"),
    ("bottom", r"\b(?:bottom|lower|below|foreground)\b"),
    ("center", r"\b(?:cent(?:er|re)|middle)\b"),
)
_MANY = re.compile(
    r"\b(?:all|both|every|each|two|three|four|five|six|several|many|these|those|masked|marked|\w{3,}[^s\W]s)\b",
    re.IGNORECASE,
)

_TONE = re.compile(
    r"\b(?:bright\w*|brillian\w+|lumin\w+|dark\w*|light(?:en|er|ing)?|exposure|contrast|saturat\w*|warm\w*|cool\w*"
    r"|tones?|black[- ]and[- ]white|black & white|monochrom\w*|sepia|dim|low[- ]light|illuminat\w+)\b",
    re.IGNORECASE,
)
_CONTENT = re.compile(
    r"\b(?:styles?|styli[sz]\w*|season|weather|night\w*|day\w*|sun\w*|dusk|dawn|winter|autumn|summer|spring|fog\w*"
    r"|rain\w*|snow\w*|painting\w*|sketch|cartoon|anime|aesthetic|lights?|neon|cyber\w*)\b",
    re.IGNORECASE,
)
_SECOND = re.compile(
    r"(?:\b(?:and|then|while|but)\b|[.;,])\s+(?:(?:then|also|please|could|can|would|i|like|want|to|you) )*"
    rf"(?:{words.PUT}|{words.TAKE}|{words.SWAP}|make|turn|change|give|paint|re-?colou?r\w*|set|let|keep|render|have|convert|transform|colou?r)\b",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"\b(?:photo\w*|picture|image|shot|frame|everything|overall|whole)\b", re.IGNORECASE)
_HARD_TONE = re.compile(
    r"\b(?:\w*saturat\w*|vivid|vibran\w*|mono\w+|black|gr[ae]y\w*|sepia|colou?r\w*|muted|faded?)\b",
    re.IGNORECASE,
)
_RETONE = re.compile(
    r"\b(?:tints?|muted|pal(?:e|er)|intens\w+|cold\w*|rich\w*|deep\w*|dull\w*|pastel\w*|fad\w+|vivid\w*|vibran\w*"
    r"|strong\w*|soft\w*|weak\w*)\b",
    re.IGNORECASE,
)
_PLAIN = frozenset(
    {EditKind.ADD, EditKind.REMOVE, EditKind.REPLACE, EditKind.RECOLOR, EditKind.MATERIAL, EditKind.TEXT}
)
_FILL = re.compile(r"\b(?:fill|missing|hole|inpaint|watermark|scratch\w*|shadow\w*)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Wish:
    """An instruction as far as rules understand it."""

    kind: EditKind
    color: str | None
    """A key of vocabulary.COLORS: the colour that something is to take."""
    places: tuple[Place, ...]
    many: bool
    """Whether more than one thing may be meant."""
    reach: Reach
    """How far the change may go."""
    plain: bool
    """One change to a part, or of the light of the whole: the rules hardly ever misread it."""


def parse(instruction: str) -> Wish:
    """Read an instruction; what no rule knows is UNKNOWN."""
    instruction = instruction[:MAX_CHARACTERS]
    kind = next((kind for kind, rule in _COMPILED if rule.search(instruction)), EditKind.UNKNOWN)
    return Wish(
        kind=kind,
        color=_target_color(instruction) if kind in (EditKind.RECOLOR, EditKind.MATERIAL) else None,
        places=tuple(place for place, pattern in _PLACES if re.search(pattern, instruction, re.IGNORECASE)),
        many=bool(_MANY.search(instruction)),
        reach=_reach(kind, instruction),
        plain=_is_plain(kind, instruction),
    )


def _is_plain(kind: EditKind, instruction: str) -> bool:
    if _SECOND.search(instruction):
        return False
    if _reach(kind, instruction) == "tone":
        return bool(_WHOLE.search(instruction)) and not _HARD_TONE.search(instruction)
    # a thing whose colours shift a little, and which of many it is, is what the rules do misread
    return kind in _PLAIN and not _TONE.search(instruction) and not _RETONE.search(instruction)


def _reach(kind: EditKind, instruction: str) -> Reach:
    match kind:
        case EditKind.GLOBAL:
            return "tone" if _TONE.search(instruction) and not _CONTENT.search(instruction) else "frame"
        case EditKind.RESTORE:
            return "part" if _FILL.search(instruction) else "frame"
        case EditKind.BACKGROUND:
            return "frame"
        case _:
            return "part"


def _target_color(instruction: str) -> str | None:
    """The last colour named: "change the red car to blue" asks for blue."""
    named = re.findall(rf"\b{words.COLOR}\b", instruction.lower())
    return named[-1] if named else None
