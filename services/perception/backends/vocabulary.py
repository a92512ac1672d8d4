"""Which words do instructions use? Regular expressions by meaning, and the colours they name."""

COLORS = {
    "red": (50, 60, 42), "crimson": (45, 60, 30), "scarlet": (50, 65, 48), "maroon": (30, 40, 22),
    "burgundy": (28, 38, 14), "orange": (68, 35, 65), "amber": (75, 15, 75), "yellow": (85, -2, 75),
    "gold": (78, 4, 65), "golden": (78, 4, 65), "lime": (80, -50, 65), "green": (52, -45, 35),
    "emerald": (50, -45, 20), "olive": (50, -8, 45), "teal": (48, -28, -8), "turquoise": (75, -40, -5),
    "cyan": (80, -40, -14), "blue": (42, 10, -55), "azure": (65, -5, -40), "navy": (20, 12, -35),
    "purple": (40, 45, -42), "violet": (45, 42, -45), "lavender": (75, 15, -25), "magenta": (55, 75, -35),
    "pink": (72, 42, 2), "brown": (40, 16, 26), "tan": (70, 8, 25), "beige": (85, 2, 15),
    "white": (97, 0, 0), "black": (8, 0, 0), "gray": (55, 0, 0), "grey": (55, 0, 0), "silver": (75, 0, 0),
}  # fmt: skip
"""CIELAB of the colours that instructions name."""


ACHROMATIC = frozenset({"white", "black", "gray", "grey", "silver"})
"""Colours without a hue."""

COLOR = r"(?:" + "|".join(COLORS) + r")"
"""Any colour word."""

DAMAGE = (
    r"(?:"
    r"\w*nois\w*|\w*blur\w*|\w*haz[ey]\w*|mist\w*|\w*fog(?!gy scene)\w*|rain(?!bow|coat)\w*|drizzl\w*"
    r"|water droplets|wet(?:ness)?|snow(?!man|board|mobile)\w*|\w*shad(?:ow|ing|ed)\w*|darkened"
    r"|watermark\w*|restor\w+|fill in|missing region|inpaint|distort\w*|fuzz\w*|resolution|scratch\w*"
    r"|sharp\w*|crisp\w*|focus|clarity|clear(?:er|ly)?|smudg\w*|smear\w*|imperfections|grain\w*"
    r"|precipitation|downpour|droplets?|fringes?|obscur\w+"
    r")"
)
"""What a restoration takes away or brings back."""

STYLE = (
    r"(?:"
    r"styles?|styli[sz]e\w*|aesthetic|themed?|painting of|watercolou?r|sketch|cartoon|anime|pixel[- ]art"
    r"|oil[- ]painting|impression\w+|paintings?|mosaic|black[- ]and[- ]white|black & white|monochrom\w*"
    r"|sepia|vintage look|filter|season|weather|cyber\w+|steampunk|dystopia\w*|futuristic|bright\w*"
    r"|brillian\w+|lumin\w+|darker(?! shade| tone)|darken\w*|light(?:s|ing|en)?|exposure|contrasts?"
    r"|saturat\w*|warmer|cooler|warmth|tones?|night(?:time)?|daytime|sunset|sunrise|dusk|dawn|colou?rize"
    r"|illuminat\w+|gloom\w*|low[- ]light|dim|glow|radian\w+|enhance|winter|autumn|summer|spring|foggy"
    r"|rainy|snowy|time to|beautif\w+"
    r")"
)
"""Changes of the look of the whole frame."""

MATTER = (
    r"(?:"
    r"materials?|textures?|textured|made of|made out of|made from|entirely from|jade|marble|glass"
    r"|wood(?:en)?|metal(?:lic)?|iron|plastic|plaster|ceramic|china|clay|rubber|leather|crochet|knit\w*"
    r"|origami|crystal|stone|diamond|velvet|denim|silk|porcelain|enamel|bricks?|stained|chrome|bronze"
    r"|concrete|golden|wool(?:en)?|fabric|pattern"
    r")"
)
"""Materials and textures."""

BACKDROP = (
    r"(?:"
    r"background|backdrop|setting|surroundings|environment|scenery|landscape|terrain|ambian\w+|vistas?"
    r"|(?<!the )scene"
    r")"
)
"""The part behind the subject."""

TAKE = (
    r"(?:"
    r"remov\w*|delet\w*|eras\w*|eliminat\w*|eradicat\w*|get rid of|take away|take out|exclud\w*|omit"
    r"|wipe out|wipe away|clear away|extract|cut out|isolate|purge|discard|strip|banish|dissipate"
    r"|nullify|withdraw|dispel|there'?s no|there (?:are|is) no|no longer|absence of|without|disappear"
    r"|vanish"
    r")"
)
"""To remove."""

PUT = (
    r"(?:"
    r"add\w*|insert|place|put|include|embed|introduce|integrate|position\w*|install\w*|incorporate"
    r"|attach|lay|rest|situate\w*|scatter"
    r")"
)
"""To add."""

SWAP = (
    r"(?:"
    r"replac\w*|swap\w*|substitut\w*|exchange"
    r")"
)
"""To replace."""

QUOTED = r"['\"“‘][^'\"”’]{1,40}['\"”’]"
"""Words in quotation marks."""

TEXT = (
    r"(?:"
    r"text|word|words|letter|letters|caption|slogan|sentence|title|inscription|lettering"
    r")"
)
"""Writing in the picture."""
