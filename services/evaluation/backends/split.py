"""Which part of the change was asked for, and which is damage?"""

from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import EditKind
from services.evaluation.backends.intent import Intent
from services.evaluation.backends.measures import Measures, smooth

CHANGED = 0.12  # change of a cell, 0..1, from which it belongs to a changed place
FITTING = 0.3  # how far a cell's change must be of the asked kind to belong to the intended place
HALO_CELLS = 1.5  # shadows and blends around the intended place are part of it
COLOR_SEEN, COLOR_FULL = 2.5, 16.0  # CIELAB distance at which a change starts to count, and its scale
MAX_FORGIVEN = 0.2  # change over the whole frame is forgiven up to here: re-encoding, slight drift
TONE_SEEN, MOST = 4.0, 0.6  # CIELAB distance in this share of the cells: the whole frame has changed
CRUMB = 0.15  # a neighbouring place of at most this share of the intended change belongs to it
GROWTH_CELLS = 3  # how far the intended place reaches beyond the cells that clearly are of its kind
MOST_OF_A_THING, MOST_OF_A_SCENE = 0.6, 0.85  # of the frame; nobody asks for more and says so this way
KIN = 0.6  # another place of this share of the best one's claim is taken for part of the same edit


@dataclass(frozen=True)
class Split:
    """The change, told apart."""

    change: np.ndarray
    """(rows, cols) 0..1: how much each cell differs from the source."""
    intended: np.ndarray
    """(rows, cols) 0..1: weight of the asked change; its cells are no damage."""
    fit: float
    """0..1: how well the intended change suits the words of the instruction."""
    drift: float
    """Change that lies over the whole frame and was not asked for, 0..1."""


def change_of(m: Measures) -> np.ndarray:
    """(rows, cols) 0..1: how much a cell differs, whatever the reason."""
    color = 1 - np.exp(-np.maximum(m.color - COLOR_SEEN, 0) / COLOR_FULL)
    structure = np.clip((m.structure - 0.12) / 0.6, 0, 1) ** 1.2
    lost = np.clip((np.abs(m.detail) - 0.5) / 2.5, 0, 1) * np.clip(
        m.texture * 2.0 ** np.maximum(m.detail, 0) / 8, 0, 1
    )
    return 1 - (1 - color) * (1 - 0.8 * structure) * (1 - 0.6 * lost)


def split(m: Measures, intent: Intent) -> Split:
    """Tell the asked change from the rest by the kind of the instruction."""
    change = change_of(m)
    if covers_frame(m, intent):
        return _split_global(change)
    drift = min(float(np.percentile(change, 30)), MAX_FORGIVEN)
    change = np.clip((change - drift) / (1 - drift), 0, 1)
    plausible = _plausible(m, intent)
    seeds = _intended_seeds(change, plausible, intent)
    core = _grown(seeds, (change > CHANGED) & ((m.color > 6) | (m.new > 0.15)))
    intended = np.clip(smooth(cv2.dilate(core.astype(np.float32), _disc(HALO_CELLS)), 0.6), 0, 1)
    intended = np.maximum(intended, core)
    intended *= min(1.0, _most(intent) / max(float(intended.mean()), 1e-6))  # a new picture is no edit
    weight = change * seeds
    fit = float((weight * plausible).sum() / weight.sum()) if weight.sum() > 0 else 0.0
    return Split(change=change, intended=intended, fit=fit, drift=drift)


def covers_frame(m: Measures, intent: Intent) -> bool:
    """Whether the asked change is one of the whole frame; where the words leave it open, the picture says."""
    if not intent.is_global or intent.names_whole:
        return intent.is_global
    return float((np.linalg.norm(m.edited_lab - m.given_lab, axis=2) > TONE_SEEN).mean()) > MOST


def _split_global(change: np.ndarray) -> Split:
    """The even part of the change is asked for; what stands out of its surroundings is damage."""
    usual = cv2.medianBlur(np.rint(change * 255).astype(np.uint8), 5).astype(np.float32) / 255
    level = float(np.median(usual))
    spread = 1.4826 * float(np.median(np.abs(change - level)))
    floor = min(level + 2.0 * spread, 0.8)
    outlying = np.clip((change - floor) / (1 - floor), 0, 1)
    return Split(change=outlying, intended=np.zeros_like(change), fit=1.0, drift=0.0)


def _plausible(m: Measures, intent: Intent) -> np.ndarray:
    """(rows, cols) 0..1: whether the kind of a cell's change is what the instruction asks for."""
    recolored = np.clip((m.color - 4) / 12, 0, 1)
    restructured = np.clip((m.coarse - 0.15) / 0.4, 0, 1)
    moved = np.linalg.norm(smooth(m.edited_lab - m.source_lab, 1.5), axis=2)
    fresh = np.maximum(np.clip((moved - 3) / 8, 0, 1), np.clip(m.new * 4, 0, 1))
    content = restructured * fresh  # a blur brings nothing new, a recolouring keeps the shape
    match intent.kind:
        case EditKind.RECOLOR:
            kept = 1 - 0.6 * restructured
            return recolored * kept * (_toward(m, intent.color) if intent.color else 1.0)
        case EditKind.REMOVE:
            return content * np.clip(0.75 - 0.5 * m.energy, 0.3, 1)
        case EditKind.ADD | EditKind.TEXT:
            return content * np.clip(0.75 + 0.5 * m.energy, 0.3, 1)
        case EditKind.REPLACE | EditKind.BACKGROUND:
            return content
        case _:  # material, a look, unknown: shape or colour, but neither blur nor noise
            content = np.maximum(content, recolored)
            return content if not intent.may_blur else np.maximum(content, np.clip(-m.detail, 0, 1))


def _toward(m: Measures, color: tuple[float, float, float]) -> np.ndarray:
    """(rows, cols) 0..1: whether a cell has the colour asked for and moved towards it."""
    target = np.array(color, np.float32)
    if np.hypot(*target[1:]) < 5:  # black, white, gray: chroma must go, lightness must come near
        near = np.abs(m.edited_lab[..., 0] - target[0]) < np.abs(m.source_lab[..., 0] - target[0]) + 8
        pale = np.hypot(m.edited_lab[..., 1], m.edited_lab[..., 2]) < 16
        return np.where(near & pale, 1.0, 0.25).astype(np.float32)
    ab = m.edited_lab[..., 1:]
    cosine = (ab @ target[1:]) / (np.linalg.norm(ab, axis=2) * np.linalg.norm(target[1:]) + 1e-3)
    moved = (ab - m.source_lab[..., 1:]) @ target[1:]
    return np.where(moved > 0, np.clip((cosine - 0.5) / 0.4, 0, 1), 0).astype(np.float32) * 0.8 + 0.2


def _intended_seeds(change: np.ndarray, plausible: np.ndarray, intent: Intent) -> np.ndarray:
    """(rows, cols) bool: the changed place that claims best to be the intended one, and its kin."""
    changed = change > CHANGED
    fitting = changed & (smooth(plausible, 0.7) > FITTING)
    if not fitting.any():
        fitting = changed  # something happened, if not of the kind asked for
    seeds = cv2.morphologyEx(fitting.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels = cv2.connectedComponents(seeds, connectivity=8)
    if count == 1:
        return np.zeros(change.shape, bool)
    claims = np.array([_claim(change, plausible, labels == i) for i in range(1, count)])
    best = int(np.argmax(claims)) + 1
    core = labels == best
    near = cv2.dilate(core.astype(np.uint8), _disc(1.5)) > 0
    for i in range(1, count):
        place = labels == i
        crumb = place[near].any() and change[place].sum() < CRUMB * change[core].sum()
        if crumb or (_alike(intent) and claims[i - 1] >= KIN * claims[best - 1]):
            core |= place
    return core


def _grown(core: np.ndarray, into: np.ndarray) -> np.ndarray:
    """The place with its holes filled and its ragged rim, where something is new, a few cells on."""
    grown = cv2.morphologyEx(core.astype(np.uint8), cv2.MORPH_CLOSE, _disc(3.0)) > 0
    grown = core | (grown & into)
    for _ in range(GROWTH_CELLS):
        grown |= (cv2.dilate(grown.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & into
    return grown


def _most(intent: Intent) -> float:
    """Share of the frame that an edit of this kind can take."""
    things = {EditKind.RECOLOR, EditKind.REMOVE, EditKind.ADD, EditKind.TEXT}
    return MOST_OF_A_THING if intent.kind in things else MOST_OF_A_SCENE


def _claim(change: np.ndarray, plausible: np.ndarray, place: np.ndarray) -> float:
    """Fit first, then size: a large change of the wrong kind does not beat a smaller right one."""
    fit = float(np.average(plausible[place], weights=change[place] + 1e-6))
    return fit**2 * float(change[place].sum()) ** 0.5


def _alike(intent: Intent) -> bool:
    """Whether several places of a kind are one edit: a background in pieces, or the cars turned red."""
    return intent.kind is EditKind.BACKGROUND or (intent.is_plural and intent.color is not None)


def _disc(radius: float) -> np.ndarray:
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return (x * x + y * y <= radius * radius + 0.3).astype(np.uint8)
