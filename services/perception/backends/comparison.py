"""How do the two pictures of an edit relate? Registered, matched in tone, measured, split by the request."""

from dataclasses import dataclass

import cv2
import numpy as np

from services.perception.agent import Checkpoint, ImagesMismatchedError, Sample
from services.perception.backends import artifacts, change, intent, registration, tone
from services.perception.backends.instruction import Wish, parse

VISIBLE_TONE = 3.0  # gray levels by which the typical pixel moves: below it, re-encoding, not an edit
WORKING_SIDE = 768  # pixels of the longest side: what bounds time and memory
SPECKS = 0.001  # of the frame: what resampling a moved copy leaves along hard edges
MAX_RATIO_GAP = 0.03  # editors round sides to multiples of 8, 16 or 32; more is another frame


@dataclass(frozen=True)
class Frame:
    """The pair at working size, (H, W, 3) uint8 each, and how it was brought there."""

    edited: np.ndarray
    source: np.ndarray
    edited_scale: np.ndarray
    """Working over full-size pixels, x and y."""
    source_scale: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """Everything that is measured without a trained model; all pictures are of the working size."""

    frame: Frame
    geometry: registration.Geometry
    source: np.ndarray
    """(H, W, 3) float32 on 0..255: the source in the edited frame."""
    seen: np.ndarray
    """(H, W) bool: what both pictures show."""
    tone: tone.Tone
    change: change.Change
    wish: Wish
    split: intent.Intent
    rules: artifacts.FlawMaps
    """What rules alone make of the change; empty maps where registration is not reliable."""


def compare(sample: Sample, checkpoint: Checkpoint = lambda: None) -> Comparison:
    """Measure a sample with its longest side reduced to WORKING_SIDE; raises ImagesMismatchedError."""
    frame = framed(sample)
    geometry = registration.register(_gray(frame.edited), _gray(frame.source))
    checkpoint()
    edited = frame.edited.astype(np.float32)
    source = registration.warp(frame.source.astype(np.float32), geometry.matrix)
    seen = registration.covered(geometry.matrix, *edited.shape[:2], margin=0.02)
    toned = tone.match_tone(edited, source, seen)
    checkpoint()
    measured = change.measure(edited, toned.predicted, seen)
    checkpoint()
    wish = parse(sample.instruction)
    split = intent.separate(measured, edited, toned, wish)
    rules = artifacts.no_maps(seen.shape)
    if geometry.reliable:
        rules = artifacts.flaw_maps(edited, measured, split, wish)
    checkpoint()
    return Comparison(frame, geometry, source, seen, toned, measured, wish, split, rules)


def untouched(found: Comparison) -> bool:
    """Whether nobody edited the picture: then there is nothing to repair, whatever was asked for."""
    return (
        found.geometry.reliable
        and not found.split.changed.any()
        and (found.change.unlike & found.seen).mean() < SPECKS
        and found.tone.strength < VISIBLE_TONE
    )


def framed(sample: Sample) -> Frame:
    """Both pictures at one size; raises ImagesMismatchedError where they cannot show one frame."""
    height, width = sample.edited.shape[:2]
    source_height, source_width = sample.source.shape[:2]
    gap = abs(np.log((source_width * height) / (source_height * width)))
    if gap > MAX_RATIO_GAP:
        raise ImagesMismatchedError(
            f"source is {source_width}x{source_height} and edited {width}x{height} pixels: "
            f"their aspect ratios differ by {100 * np.expm1(gap):.1f} %, "
            f"the limit is {100 * np.expm1(MAX_RATIO_GAP):.1f} %. "
            "Send two pictures of one frame: crop or pad one of them first."
        )
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return Frame(
        edited=_resized(sample.edited, size),
        source=_resized(sample.source, size),
        edited_scale=np.array([size[0] / width, size[1] / height]),
        source_scale=np.array([size[0] / source_width, size[1] / source_height]),
    )


def _gray(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if picture.shape[1::-1] == size:
        return picture
    shrinks = picture.shape[1] > size[0]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
