"""What does an editor need to see of a region? Crops of the picture and of its registered source."""

from dataclasses import dataclass, replace

import numpy as np

from editrefiner.contracts import Box, EditRequest, FlawDiagnosis, FlawKind, RegionPlan, Registration
from services.action import alignment, tone
from services.action.alignment import Affine
from services.action.geometry import (
    box_size,
    grown,
    padded,
    resized,
    scaled_size,
    shrink_factor,
    size_of,
    window,
)
from services.action.regions import Target
from services.action.tone import Tone

SURVEY_SIDE = 256  # longest side in pixels at which the tone of a whole frame is measured
PLACE_SIDE = 480  # longest side in pixels at which a region is laid on the source
PAD_SHARE, MIN_PAD, MAX_PAD = 0.8, 48, 512  # surroundings in the crop: share of the longer side, in pixels
LOCAL_SHARE = 0.8  # an intended change of more of the frame than this is one of tone or style, not of a place
MIN_RING = 200  # pixels to compare on; with fewer, what holds for the frame holds for the region
LOOKS_ALIKE = 2.5  # gray levels between source and edit that encoding explains
BETTER = 0.9  # a finer fit must bring the residual below this share of the coarser one
MAX_SLIP = 0.04  # of the crop's longer side: a region that lies further off was not found
INSIDE_EDIT = 0.5  # share of a region in the requested change from which the source shows something else
MATCHES = 0.35  # match of the surroundings from which the source may stand for the region
MATCH_RESIDUAL = 16.0  # gray levels of residual at which two flat surroundings no longer match


@dataclass(frozen=True)
class Frame:
    """Both pictures of a request, and how they relate as a whole."""

    edited: np.ndarray
    source: np.ndarray
    source_map: Affine
    """From edited pixel to source pixel."""
    source_tone: Tone
    """From source colour to edited colour."""
    flawed: np.ndarray
    """(H, W) uint8: 255 in any region of the request."""
    intended: np.ndarray | None
    """(H, W) uint8: 255 where the requested change is; None when unknown, none, or all over the frame."""
    edit_known: bool
    """Whether anybody said where the requested change is, if only that it is nowhere or everywhere."""


@dataclass(frozen=True)
class Placement:
    """How one region lies on the source, and what may be concluded from it."""

    source_map: Affine
    source_tone: Tone
    source_match: float
    """0..1: how well the source explains the surroundings of the region; 0.5 when they say nothing."""
    inside_edit: float
    """0..1: share of the region that lies in the requested change."""
    frame_share: float
    """0..1: share of the picture that the region covers."""
    edit_known: bool
    """Whether it is known where the requested change is."""

    @property
    def source_applies(self) -> bool:
        """Whether the source shows here what belongs here."""
        return self.inside_edit < INSIDE_EDIT and self.source_match >= MATCHES


@dataclass(frozen=True)
class RegionContext:
    """All that an editor is given: crops of one size at native resolution, (h, w, 3) uint8 or (h, w)."""

    edited: np.ndarray
    source: np.ndarray
    """The source laid on the crop, in its own colours."""
    source_tone: Tone
    """Takes the colours of `source` to those of `edited`."""
    mask: np.ndarray
    """uint8, 255 where the answer will be used: the flaw with its margin and feather."""
    trusted: np.ndarray
    """bool: outside the mask and in no flawed region."""
    covered: np.ndarray
    """bool: where the source has a pixel to give."""
    comparable: np.ndarray
    """bool: trusted, covered, and not part of the requested change: edit and source show the same there."""
    source_applies: bool
    """Whether the source shows, in the mask, what belongs there."""
    kind: FlawKind
    diagnosis: FlawDiagnosis | None
    plan: RegionPlan
    instruction: str
    """The instruction of the whole edit; the region's own is in `plan`."""
    seed: int


def survey(
    request: EditRequest,
    edited: np.ndarray,
    source: np.ndarray,
    targets: tuple[Target, ...],
    intended: np.ndarray | None,
) -> Frame:
    """Measure how source and edit relate outside the flaws and outside the requested change."""
    flawed = np.zeros(edited.shape[:2], np.uint8)
    for target in targets:
        part = window(flawed, target.box)
        np.maximum(part, target.mask, out=part)
    if intended is not None and not 0 < np.count_nonzero(intended) <= LOCAL_SHARE * intended.size:
        intended = None
    source_map = alignment.frame_map(request.registration, size_of(edited), size_of(source))
    known = request.change is not None
    frame = Frame(edited, source, source_map, _prior(request.registration), flawed, intended, known)
    small = _Overlay.of(frame, (0, 0, *size_of(edited)), source_map, SURVEY_SIDE)
    measured = tone.fit(small.source[small.ring], small.edited[small.ring], frame.source_tone)
    return replace(frame, source_tone=measured)


def place(frame: Frame, target: Target) -> Placement:
    """Lay one region on the source, more finely than the frame as a whole where that helps."""
    box = context_box(frame, target.box)
    overlay = _Overlay.of(frame, box, frame.source_map, PLACE_SIDE)
    source_map, source_tone = frame.source_map, frame.source_tone
    if overlay.ring.sum() < MIN_RING:
        return _placement(frame, target, source_map, source_tone, 0.5)
    left = overlay.residual(source_tone)
    if left > LOOKS_ALIKE:
        finer = _finer_map(frame, box, overlay, source_map, source_tone)
        if finer is not None and finer[1].residual(source_tone) < BETTER * left:
            source_map, overlay = finer
            left = overlay.residual(source_tone)
        local = tone.fit(overlay.source[overlay.ring], overlay.edited[overlay.ring], source_tone)
        if overlay.residual(local) < BETTER * left:
            source_tone = local
    return _placement(frame, target, source_map, source_tone, overlay.match(source_tone))


def context_box(frame: Frame, box: Box) -> Box:
    """The box of a region with enough of its surroundings to repair it from."""
    pad = round(PAD_SHARE * max(box_size(box)))
    return padded(box, min(max(pad, MIN_PAD), MAX_PAD), size_of(frame.edited))


def crop(
    frame: Frame,
    target: Target,
    placement: Placement,
    box: Box,
    weights: np.ndarray,
    *,
    plan: RegionPlan,
    instruction: str,
    seed: int,
) -> RegionContext:
    """What an editor is given to carry out `plan` in `box`, where `weights` lets the answer through."""
    source, covered = alignment.sample(frame.source, placement.source_map, box)
    trusted = (weights == 0) & (window(frame.flawed, box) == 0)
    comparable = trusted & covered
    if frame.intended is not None:
        comparable &= window(frame.intended, box) == 0
    return RegionContext(
        edited=window(frame.edited, box),
        source=source,
        source_tone=placement.source_tone,
        mask=np.where(weights > 0, np.uint8(255), np.uint8(0)),
        trusted=trusted,
        covered=covered,
        comparable=comparable,
        source_applies=placement.source_applies,
        kind=target.kind,
        diagnosis=target.diagnosis,
        plan=plan,
        instruction=instruction,
        seed=seed,
    )


@dataclass(frozen=True)
class _Overlay:
    """A part of the edit and what the source shows there, both small."""

    edited: np.ndarray
    source: np.ndarray
    ring: np.ndarray
    """(h, w) bool: where they ought to show the same."""
    factor: float

    @classmethod
    def of(cls, frame: Frame, box: Box, source_map: Affine, longest_px: int) -> "_Overlay":
        factor = shrink_factor(box_size(box), longest_px)
        size = scaled_size(box_size(box), factor)
        source, covered = alignment.sample(frame.source, source_map, box, factor)
        off_limits = resized(window(frame.flawed, box), size)
        ring = covered & ~grown(off_limits, 2.0)
        if frame.intended is not None:
            ring &= ~grown(resized(window(frame.intended, box), size), 1.0)
        return cls(resized(window(frame.edited, box), size), source, ring, factor)

    def residual(self, source_tone: Tone) -> float:
        return tone.residual(source_tone.applied(self.source[self.ring]), self.edited[self.ring])

    def match(self, source_tone: Tone) -> float:
        """How much of what the ring shows the source explains."""
        shown = self.edited[self.ring].astype(np.float32)
        spread = tone.residual(np.broadcast_to(np.median(shown, axis=0), shown.shape), shown)
        left = self.residual(source_tone)
        return float(np.clip(max(1 - left / max(spread, 1e-3), 1 - left / MATCH_RESIDUAL), 0, 1))


def _finer_map(
    frame: Frame, box: Box, overlay: _Overlay, source_map: Affine, source_tone: Tone
) -> tuple[Affine, _Overlay] | None:
    toned = np.clip(source_tone.applied(overlay.source), 0, 255).astype(np.uint8)
    slip = alignment.measure(overlay.edited, toned, overlay.ring)
    size = size_of(overlay.edited)
    if slip is None or not 0 < alignment.displacement_px(slip, size) <= 4 + MAX_SLIP * max(size):
        return None
    finer = alignment.after(source_map, alignment.from_crop(slip, box, overlay.factor))
    return finer, _Overlay.of(frame, box, finer, PLACE_SIDE)


def _placement(
    frame: Frame, target: Target, source_map: Affine, source_tone: Tone, match: float
) -> Placement:
    inside = 0.0
    if frame.intended is not None:
        inside = float((window(frame.intended, target.box)[target.mask > 0] > 0).mean())
    share = target.area / frame.flawed.size
    return Placement(source_map, source_tone, match, inside, share, frame.edit_known)


def _prior(registration: Registration | None) -> Tone:
    if registration is None or not registration.reliable:
        return Tone.identity()
    return Tone.affine(registration.gain, registration.offset)
