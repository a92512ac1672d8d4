"""What does the network look at beside the pictures? Planes of local evidence, a vector for the whole."""

import re
from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import EditKind
from services.perception.backends import vocabulary as words
from services.perception.backends.change import fine_detail
from services.perception.backends.comparison import Comparison
from services.perception.backends.registration import local_match, normalised
from services.perception.backends.vocabulary import COLORS
from services.perception.backends.wordvectors import WordVectors

PLANES = (
    "light_shift", "a_shift", "b_shift",
    "toned_light_shift", "toned_a_shift", "toned_b_shift",
    "structure", "detail", "has_detail",
    "recolored", "restructured", "blurred", "noisy",
    "intended", "unintended", "intended_rim",
    "rule_artifact", "rule_failure", "seen",
    "wished_color", "named_color", "named_place",
    "edited_detail", "source_detail", "new_edge", "lost_edge", "grain",
    "like_changed", "near_intended", "change_strength", "match", "detail_contrast", "edited_grain",
)  # fmt: skip
"""In this order, each on [-1, 1]."""
SCALARS = 46
"""Length of the vector without the words."""
SECOND_DIFFERENCE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
BINS = 12  # of each colour axis, for the colours of what was changed
RARE = 2e-3  # share of a colour below which neither changed nor kept says anything
_KINDS = tuple(EditKind)
_REACHES = ("part", "tone", "frame")
_MODELS = ("identity", "linear", "curve", "mixed")
_PLACES = ("left", "right", "top", "bottom", "center")


@dataclass(frozen=True)
class Evidence:
    """What the network is given of one comparison."""

    edited: np.ndarray
    """(h, w, 3) uint8."""
    source: np.ndarray
    """(h, w, 3) uint8: registered, in the tone of the edit."""
    planes: np.ndarray
    """(P, h, w) float32 in [-1, 1], in the order of PLANES."""
    whole: np.ndarray
    """(SCALARS + width of the word vectors,) float32: tone, geometry, request."""


def evidence(found: Comparison, instruction: str, vectors: WordVectors, size: tuple[int, int]) -> Evidence:
    """Gather everything at `size` (height, width)."""
    planes = _planes(found, instruction)
    small = np.stack([_shrunk(np.asarray(planes[name], np.float32), size) for name in PLANES])
    source = np.clip(np.rint(found.tone.predicted), 0, 255).astype(np.uint8)
    return Evidence(
        edited=_shrunk(found.frame.edited, size),
        source=_shrunk(source, size),
        planes=np.clip(small, -1, 1).astype(np.float32),
        whole=np.concatenate([_scalars(found, instruction), vectors.mean(instruction)]).astype(np.float32),
    )


def _planes(found: Comparison, instruction: str) -> dict[str, np.ndarray]:
    edited = found.frame.edited.astype(np.float32)
    lab = [_lab(p) for p in (edited, found.source, found.tone.predicted)]
    plain, toned = (cv2.GaussianBlur(lab[0] - other, (0, 0), 1.0) for other in lab[1:])
    gray = [2.55 * lab[0][..., 0], 2.55 * lab[2][..., 0]]
    details = [0.25 * np.log2(1 + np.sqrt(fine_detail(g))) for g in gray]
    edges = [_steepness(g) for g in gray]
    change, split = found.change, found.split
    planes: dict[str, np.ndarray] = {
        "structure": change.structure / 1.5,
        "detail": change.detail / 4,
        "has_detail": change.has_detail,
        "recolored": change.recolored,
        "restructured": change.restructured,
        "blurred": change.blurred,
        "noisy": change.noisy,
        "intended": split.intended,
        "unintended": split.unintended,
        "intended_rim": _rim(split.intended),
        "rule_artifact": found.rules.artifact,
        "rule_failure": found.rules.failure,
        "seen": found.seen,
        "wished_color": _likeness(lab[0], found.wish.color),
        "named_color": _likeness(lab[1], named_color(instruction)),
        "named_place": _place_prior(edited.shape[:2], found.wish.places),
        "edited_detail": details[0],
        "source_detail": details[1],
        "new_edge": np.clip(edges[0] - edges[1], 0, None) / 40,
        "lost_edge": np.clip(edges[1] - edges[0], 0, None) / 40,
        "grain": _grain(gray[0]) - _grain(gray[1]),
        "like_changed": _like_changed(lab[1], split.intended),
        "near_intended": _nearness(split.intended),
        "change_strength": _change_strength(plain, split.intended),
        "match": local_match(normalised(gray[0]), normalised(gray[1])),
        "detail_contrast": 2 * (details[0] - cv2.GaussianBlur(details[0], (0, 0), 0.06 * max(gray[0].shape))),
        "edited_grain": _grain(gray[0]),
    }
    for prefix, shift in (("", plain), ("toned_", toned)):
        for i, name in enumerate(("light_shift", "a_shift", "b_shift")):
            planes[prefix + name] = shift[..., i] / 40
    return planes


def _scalars(found: Comparison, instruction: str) -> np.ndarray:
    wish, toned, matrix = found.wish, found.tone, found.geometry.matrix
    longest = max(found.seen.shape)
    center = np.array([found.seen.shape[1] / 2, found.seen.shape[0] / 2])
    shift = (matrix[:, :2] @ center + matrix[:, 2] - center) / longest
    wished = np.array(COLORS[wish.color]) / 100 if wish.color else np.zeros(3)
    values = [
        *(float(wish.kind is kind) for kind in _KINDS),
        *(float(wish.reach == reach) for reach in _REACHES),
        *(float(toned.model == model) for model in _MODELS),
        *(float(place in wish.places) for place in _PLACES),
        float(wish.many),
        float(wish.color is not None),
        *wished,
        float(named_color(instruction) is not None),
        toned.strength / 20,
        toned.unexplained / 20,
        *(4 * (np.array(toned.gain) - 1)),
        *(np.array(toned.offset) / 50),
        *(20 * shift),
        *(20 * (matrix[:, :2] - np.eye(2)).ravel()),
        float(found.geometry.reliable),
        found.geometry.agreement,
        found.split.changed.mean(),
        found.split.intended.mean(),
    ]
    assert len(values) == SCALARS, len(values)
    return np.clip(np.array(values, np.float32), -3, 3)


def named_color(instruction: str) -> str | None:
    """A colour that says which thing is meant, not what it is to become: the first of two colours named."""
    named = re.findall(rf"\b{words.COLOR}\b", instruction.lower())
    return named[0] if len(named) > 1 else None


def _likeness(lab: np.ndarray, color: str | None) -> np.ndarray:
    """1 where a pixel has a named colour, towards 0 where it has another; 0 where none is named."""
    if color is None:
        return np.zeros(lab.shape[:2], np.float32)
    gap = (cv2.GaussianBlur(lab, (0, 0), 1.5) - np.array(COLORS[color], np.float32)) * np.array(
        [0.5, 1, 1], np.float32
    )
    return np.exp(-np.linalg.norm(gap, axis=2) / 30)


def _place_prior(shape: tuple[int, ...], places: tuple[str, ...]) -> np.ndarray:
    """1 where the words say, -1 where they do not, 0 where they say nothing."""
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    prior = np.zeros(shape, np.float32)
    for place in places:
        match place:
            case "left" | "right":
                prior += (1 if place == "right" else -1) * x[None, :]
            case "top" | "bottom":
                prior += (1 if place == "bottom" else -1) * y[:, None]
            case _:
                prior += 1 - 2 * np.hypot(x[None, :], y[:, None]) / np.float32(1.2)
    return np.clip(prior, -1, 1)


def _rim(mask: np.ndarray) -> np.ndarray:
    """A soft band along the border of the requested change, where seams are."""
    kernel = np.ones((7, 7), np.uint8)
    return cv2.GaussianBlur(
        cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, kernel).astype(np.float32), (0, 0), 1.5
    )


def _steepness(gray: np.ndarray) -> np.ndarray:
    smooth = cv2.GaussianBlur(gray, (0, 0), 0.8)
    slopes = [cv2.Sobel(smooth, cv2.CV_32F, dx, 1 - dx, scale=0.25) for dx in (1, 0)]
    return cv2.dilate(np.hypot(*slopes), np.ones((3, 3), np.uint8))


def _grain(gray: np.ndarray) -> np.ndarray:
    """Log power of what a second difference leaves: pixel noise, checkerboards, block borders."""
    rough = cv2.filter2D(gray, cv2.CV_32F, SECOND_DIFFERENCE)
    return 0.25 * np.log2(1 + cv2.GaussianBlur(np.abs(rough), (0, 0), 2.5))


def _lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.clip(picture, 0, 255).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _shrunk(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if values.shape[:2] == size:
        return values
    shrinks = values.shape[0] >= size[0]
    return cv2.resize(values, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _like_changed(lab: np.ndarray, intended: np.ndarray) -> np.ndarray:
    """Colours of the source that were changed more often than kept: above 0 where more was to be changed."""
    if not intended.any() or intended.all():
        return np.zeros(lab.shape[:2], np.float32)
    cells = np.clip(
        ((lab + np.array([0, 100, 100], np.float32)) / np.array([100, 200, 200]) * BINS), 0, BINS - 1
    )
    cell = np.asarray(np.ravel_multi_index(tuple(cells.astype(int).transpose(2, 0, 1)), (BINS,) * 3))
    shares = [
        np.bincount(cell[mask], minlength=BINS**3) / np.count_nonzero(mask) for mask in (intended, ~intended)
    ]
    ratio = np.log((shares[0] + RARE) / (shares[1] + RARE)) / 3
    return cv2.GaussianBlur(ratio[cell].astype(np.float32), (0, 0), 1.5)


def _nearness(intended: np.ndarray) -> np.ndarray:
    """1 at the requested change, falling to 0 over a fifth of the frame; 0 where there is none."""
    if not intended.any():
        return np.zeros(intended.shape, np.float32)
    away = cv2.distanceTransform((~intended).astype(np.uint8), cv2.DIST_L2, 3)
    return np.exp(-away / (0.08 * max(intended.shape)))


def _change_strength(shift: np.ndarray, intended: np.ndarray) -> np.ndarray:
    """How much a pixel of the requested change moved against what is usual in it: below 0 less."""
    size = np.linalg.norm(shift, axis=2)
    usual = float(np.median(size[intended])) if intended.any() else 0.0
    return np.tanh((size - usual) / max(usual, 6.0)) * intended
