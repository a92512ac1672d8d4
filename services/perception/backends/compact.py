"""Which flaws can be measured without a trained model? Registration, change measures and rules, on a CPU."""

from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import BackendInfo, ChangeScope, Registration, Thresholds, fingerprint
from services.perception.agent import Checkpoint, Finding, ImagesMismatchedError, Sample
from services.perception.backends import artifacts, change, intent, registration, tone
from services.perception.backends.instruction import parse

VERSION = "4"  # raise it with every change of a rule or constant: answers are stored by it
MAX_RATIO_GAP = 0.03  # editors round sides to multiples of 8, 16 or 32; more is another frame

VISIBLE_TONE = 3.0  # gray levels by which the typical pixel moves: below it, re-encoding, not an edit


@dataclass(frozen=True)
class _Frame:
    """The pair at working size, (H, W, 3) uint8 each, and how it was brought there."""

    edited: np.ndarray
    source: np.ndarray
    edited_scale: np.ndarray
    """Working over full-size pixels, x and y."""
    source_scale: np.ndarray


class CompactDetector:
    """Measures at a bounded working size, so that time and memory hardly grow with the picture."""

    thresholds = Thresholds(artifact=0.5, editing_failure=0.5)

    def __init__(self, working_side: int) -> None:
        self._working_side = working_side
        self.backend = BackendInfo(
            name="compact",
            version=VERSION,
            digest=fingerprint({"backend": "compact", "version": VERSION, "working_side": working_side}),
            provisional=True,
        )

    def detect(self, sample: Sample, checkpoint: Checkpoint) -> Finding:
        """See FlawDetector."""
        frame = self._frame(sample)
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
        flaws = artifacts.no_maps(seen.shape)
        if geometry.reliable:
            flaws = artifacts.flaw_maps(edited, measured, split, wish)
        checkpoint()
        changed = float(split.changed.mean())
        return Finding(
            artifact=flaws.artifact,
            failure=flaws.failure,
            intended=split.intended,
            changed_fraction=changed,
            scope=_scope(changed, toned),
            edit_kind=wish.kind,
            registration=_registration(frame, geometry, toned),
        )

    def _frame(self, sample: Sample) -> _Frame:
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
        scale = min(1.0, self._working_side / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return _Frame(
            edited=_resized(sample.edited, size),
            source=_resized(sample.source, size),
            edited_scale=np.array([size[0] / width, size[1] / height]),
            source_scale=np.array([size[0] / source_width, size[1] / source_height]),
        )


def _scope(changed: float, toned: tone.Tone) -> ChangeScope:
    if toned.strength > VISIBLE_TONE or changed > intent.WHOLE_FRAME:
        return ChangeScope.GLOBAL
    return ChangeScope.LOCAL if changed > 0 else ChangeScope.NONE


def _registration(frame: _Frame, geometry: registration.Geometry, toned: tone.Tone) -> Registration:
    """The measured relation in full-size pixels; the identity where it cannot be trusted."""
    to_source = geometry.matrix if geometry.reliable else registration.IDENTITY
    matrix = registration.between(to_source, frame.edited_scale, frame.source_scale)
    values = tuple(float(v) for v in np.round(matrix, 6).ravel())
    assert len(values) == 6
    if not geometry.reliable:
        return Registration(matrix=values, reliable=False)
    return Registration(matrix=values, gain=toned.gain, offset=toned.offset, residual=toned.residual)


def _gray(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if picture.shape[1::-1] == size:
        return picture
    shrinks = picture.shape[1] > size[0]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
