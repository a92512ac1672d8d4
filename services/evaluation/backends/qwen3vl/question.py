"""In which words is the published scorer asked about an edit?"""

import numpy as np

from services.qwen3vl import Encoded, Preprocessor

# The weights were trained on these very words, slips of grammar included: not one character may change.
_PROMPT = (
    "You are scoring an image editing result. The first image is the source image and the second image is "
    "the edited image. Editing instruction: {instruction}. Evaluate the edited image from perceptual "
    "quality, instruction following and visual consistency. Return the three internal assessment score."
)


def prompt(instruction: str) -> str:
    """The question about one edit."""
    before, after = _PROMPT.split("{instruction}")
    return f"{before}{instruction.strip()}{after}"


def encode(preprocessor: Preprocessor, source: np.ndarray, edited: np.ndarray, instruction: str) -> Encoded:
    """Source, edited picture, then the question: the order of the training."""
    return preprocessor.encode([source, edited], prompt(instruction))
