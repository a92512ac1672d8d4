"""What is asked of the EditHF scorer, and in which words? One question for each of three aspects."""

from typing import Literal

Aspect = Literal["visual", "alignment", "preservation"]
ASPECTS: tuple[Aspect, ...] = ("visual", "alignment", "preservation")
DIMENSION: dict[Aspect, str] = {
    "visual": "perceptual_quality",
    "alignment": "instruction_following",
    "preservation": "visual_consistency",
}
"""What each aspect is called on the wire."""

# The weights were trained on these very words: not one character may change.
WORDS: dict[Aspect, str] = {
    "visual": "visual quality",
    "alignment": "editing instruction alignment",
    "preservation": "attribute preservation",
}
BEFORE = "With the image editing prompt ["
MIDDLE = "], the source image "
BETWEEN = " is edited to generate the target image "
AFTER = (
    ". Please rate the target image from {aspect} aspect on a scale of 0-100. Just reply a sentence in the "
    "following format: [The quality score is XX.XX (a number with two decimal)]"
)
FIRST_DIGITS = "00.00"
SUFFIX = f" The quality score is {FIRST_DIGITS}"
"""The answer that the weights expect to read; its digits stand for the score and never change."""


def question(aspect: Aspect, instruction: str, picture: str) -> str:
    """The raw string, in which `picture` stands for the source and then for the edited picture."""
    asked = AFTER.format(aspect=WORDS[aspect])
    return f"{BEFORE}{instruction}{MIDDLE}{picture}{BETWEEN}{picture}{asked}{SUFFIX}"
