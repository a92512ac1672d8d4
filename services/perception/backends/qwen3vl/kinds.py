"""What does each of the two published detectors look for, and in which words is it asked?"""

from typing import Literal

from services.perception.agent import Sample
from services.qwen3vl import Encoded, Preprocessor

Kind = Literal["artifact", "failure"]
KINDS: tuple[Kind, ...] = ("artifact", "failure")

# The weights were trained on these very words, slips of grammar included: not one character may change.
_ARTIFACT = (
    "Task: identify and localize visual distortions in the Target image with respect to the Source image "
    "under the given editing instruction. Editing instruction: '{instruction}'. Source is the original "
    "reference image and Target is the edited result image. Analyze the Target image and detect regions "
    "where visual quality is degraded, including artifacts, unnatural textures, color inconsistency, or "
    "structural errors introduced by editing. Focus on highlighting distortion regions while ignoring "
    "well-preserved areas. Output a dense distortion saliency map aligned with the Target image, where "
    "higher values indicate more severe distortions. Distortion Saliency Map:"
)
_FAILURE = (
    "Task: find where misalign the editing instruction occur in the Target image compared to the Source "
    "image. Editing instruction: '{instruction}'. The Source image is the original reference and the "
    "Target image is the edited result. Identify regions in the Target image that not properly executed "
    "or regions incorrectly modified despite not requiring edits. Only focus on regions with "
    "distortions."
)
_PROMPTS: dict[Kind, str] = {"artifact": _ARTIFACT, "failure": _FAILURE}


def prompt(kind: Kind, instruction: str) -> str:
    """The question to one detector about one edit."""
    before, after = _PROMPTS[kind].split("{instruction}")
    return f"{before}{instruction.strip()}{after}"


def encode(preprocessor: Preprocessor, sample: Sample, kind: Kind) -> Encoded:
    """Source, edited picture, then the question: the order of the training."""
    return preprocessor.encode([sample.source, sample.edited], prompt(kind, sample.instruction))
