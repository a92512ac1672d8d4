"""What do the facts amount to? Rules from measured facts to a flaw type, its severity and its repair."""

from dataclasses import dataclass

import numpy as np

from editrefiner.contracts import FlawType, Operation
from services.reasoning.backends.facts import Facts

SAME_COLOR = 4.5  # mean CIELAB distance that encoders make
SAME_STRUCTURE = 0.86
UNLIKE_STRUCTURE = 0.62  # below this the content is another
BLURRED, NOISY = 0.62, 1.55  # sharpness ratios beyond which detail was lost or added
CLEARED = 0.45  # edge ratio below which content was removed
SOFT_BORDER = 0.5  # border sharpness below which a colour difference fades out: a cast, not an object
SEAM = 14.0  # gray levels of a new step along the border
WHOLE_FRAME = 0.6  # share of the frame from which a region is the frame: its tone is off, not a part of it
LOCAL = 0.2  # share of the frame up to which the source may take the place of the edit: more undoes it
INSIDE_INTENT = 0.5  # share of the requested change from which a region belongs to it


@dataclass(frozen=True)
class Ruling:
    """What the rules make of one region."""

    is_flaw: bool
    flaw_type: FlawType
    severity: float
    confidence: float
    operation: Operation
    in_requested_change: bool


def judge(facts: Facts, area_fraction: float) -> Ruling:
    """Type, severity and operation; `area_fraction` is the region's share of the frame."""
    requested = facts.intended_overlap >= INSIDE_INTENT
    strengths = _strengths(facts)
    strongest = max(strengths.values())
    flaw_type = _flaw_type(facts, requested)
    if area_fraction > WHOLE_FRAME and not requested:
        flaw_type = FlawType.GLOBAL_DRIFT
    is_flaw = strongest >= 1.0
    return Ruling(
        is_flaw=is_flaw,
        flaw_type=flaw_type,
        severity=_severity(strongest, area_fraction) if is_flaw else 0.0,
        confidence=float(np.clip(0.5 + 0.45 * np.tanh(abs(strongest - 1.0)), 0.5, 0.95)),
        operation=_operation(flaw_type, requested, area_fraction) if is_flaw else Operation.LEAVE,
        in_requested_change=requested,
    )


def _strengths(facts: Facts) -> dict[str, float]:
    """Each kind of difference in units of what is just noticeable."""
    return {
        "color": max(facts.color_difference, facts.color_shift, abs(facts.lightness_shift)) / SAME_COLOR,
        "structure": (1 - facts.structure_similarity) / (1 - SAME_STRUCTURE),
        "blur": float(np.log(facts.sharpness_ratio) / np.log(BLURRED)),
        "noise": float(np.log(facts.sharpness_ratio) / np.log(NOISY)),
        "border": facts.new_border_edge / SEAM,
    }


def _flaw_type(facts: Facts, requested: bool) -> FlawType:
    kept = facts.coarse_similarity >= 0.8
    plain = facts.color_shift < 8 and abs(facts.lightness_shift) < 8
    if facts.structure_similarity < UNLIKE_STRUCTURE and not (kept and plain):
        return _other_content(facts, requested)
    if kept and plain and facts.sharpness_ratio < BLURRED:
        return FlawType.BLUR
    if kept and plain and facts.sharpness_ratio > NOISY:
        return FlawType.NOISE
    if max(facts.color_shift, abs(facts.lightness_shift)) >= SAME_COLOR:
        return _other_color(facts, requested)
    if facts.structure_similarity < SAME_STRUCTURE:
        return _other_content(facts, requested)
    if facts.new_border_edge >= SEAM:
        return FlawType.SEAM_OR_HALO
    return FlawType.UNNATURAL_TEXTURE if requested else FlawType.UNINTENDED_CHANGE


def _other_content(facts: Facts, requested: bool) -> FlawType:
    if requested:
        return FlawType.DISTORTED_STRUCTURE if facts.edge_ratio >= CLEARED else FlawType.INCOMPLETE_EDIT
    if facts.edge_ratio < CLEARED:
        return FlawType.UNINTENDED_REMOVAL
    return FlawType.SEAM_OR_HALO if facts.new_border_edge >= 2 * SEAM else FlawType.UNINTENDED_CHANGE


def _other_color(facts: Facts, requested: bool) -> FlawType:
    if abs(facts.lightness_shift) > 1.5 * facts.color_shift:
        return FlawType.LIGHTING_MISMATCH
    if requested or facts.border_sharpness < SOFT_BORDER:
        return FlawType.COLOR_CAST
    return FlawType.UNINTENDED_CHANGE


def _severity(strongest: float, area_fraction: float) -> float:
    """0..1: how far beyond noticeable, a little more when it covers much of the frame."""
    noticeable = 1 - float(np.exp(-0.35 * (strongest - 1)))
    spread = min(1.0, float(np.sqrt(area_fraction / 0.1)))
    return float(np.clip(0.2 + 0.55 * noticeable + 0.25 * spread, 0, 1))


def _operation(flaw_type: FlawType, requested: bool, area_fraction: float) -> Operation:
    """Outside the requested change the source is the truth; inside it only tools leave the change alone."""
    if not requested:
        return Operation.RESTORE if area_fraction <= LOCAL else Operation.LEAVE
    match flaw_type:
        case (
            FlawType.BLUR
            | FlawType.NOISE
            | FlawType.COLOR_CAST
            | FlawType.LIGHTING_MISMATCH
            | FlawType.SEAM_OR_HALO
        ):
            return Operation.TOOLS
        case _:
            return Operation.DIFFUSION
