"""What does the scorer's network look at beside the pictures? Planes of measures, a vector for the whole."""

from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import EditKind
from services.evaluation.backends import request
from services.evaluation.backends.intent import Intent
from services.evaluation.backends.look import Look
from services.evaluation.backends.marks import artifacts, points, pooled

AREA = 288 * 384  # pixels that the network is shown, whatever the shape: it was trained at this scale
MULTIPLE = 16  # of the sides: the coarsest stride of the backbone
STRIDE = 8  # of the planes
PLANES = (
    "light", "a", "b",
    "light_shift", "a_shift", "b_shift",
    "given_light_shift", "given_a_shift", "given_b_shift",
    "color", "structure", "coarse", "new", "detail", "texture", "energy", "edges", "clipped",
    "change", "intended", "unintended", "look", *request.PLANES,
)  # fmt: skip
"""In this order, each on [-1, 1]."""
WHOLE = 55
"""Length of the vector about the whole edit."""
_KINDS = tuple(EditKind)
_SIDE = 512  # px: unit of the frame in which a misplacement is told


@dataclass(frozen=True)
class Evidence:
    """What the network is given of one edit."""

    edited: np.ndarray
    """(h, w, 3) uint8, sides multiples of MULTIPLE."""
    source: np.ndarray
    """(h, w, 3) uint8: registered on the edit."""
    planes: np.ndarray
    """(P, h / 8, w / 8) float32 in [-1, 1], in the order of PLANES."""
    whole: np.ndarray
    """(WHOLE,) float32."""


def evidence(seen: Look, asked: Intent, words: request.Request) -> Evidence:
    """Gather everything of one edit."""
    height, width = input_size(seen.edited.shape)
    grid = width // STRIDE, height // STRIDE
    planes = _planes(seen, asked) | request.planes(seen, words)
    small = [_fitted(np.asarray(planes[name], np.float32), grid) for name in PLANES]
    return Evidence(
        edited=_fitted(seen.edited, (width, height)),
        source=_fitted(cv2.LUT(seen.source, seen.table), (width, height)),
        planes=np.clip(np.stack(small), -1, 1).astype(np.float32),
        whole=_whole(seen, asked, words),
    )


def input_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width that the network is shown of a picture."""
    height, width = shape[:2]
    scale = float(np.sqrt(AREA / (height * width)))
    sides = [max(4 * MULTIPLE, MULTIPLE * round(side * scale / MULTIPLE)) for side in (height, width)]
    return sides[0], sides[1]


def _planes(seen: Look, asked: Intent) -> dict[str, np.ndarray]:
    m, s = seen.measures, seen.split
    planes: dict[str, np.ndarray] = {
        "color": m.color / 40,
        "structure": m.structure,
        "coarse": m.coarse,
        "new": m.new,
        "detail": m.detail / 4,
        "texture": np.log1p(m.texture) / 4,
        "energy": m.energy / 4,
        "edges": m.edges,
        "clipped": m.clipped,
        "change": s.change,
        "intended": s.intended,
        "unintended": s.change * (1 - s.intended),
        "look": artifacts(m, s, asked),
    }
    for i, (name, middle, span) in enumerate((("light", 50, 50), ("a", 0, 60), ("b", 0, 60))):
        planes[name] = (m.edited_lab[..., i] - middle) / span
        planes[f"{name}_shift"] = (m.edited_lab[..., i] - m.source_lab[..., i]) / 40
        planes[f"given_{name}_shift"] = (m.edited_lab[..., i] - m.given_lab[..., i]) / 40
    return planes


def _whole(seen: Look, asked: Intent, words: request.Request) -> np.ndarray:
    m, s = seen.measures, seen.split
    ruled = points(m, s, asked)
    damage, wished = s.change * (1 - s.intended), s.change * s.intended
    levels = np.arange(256, dtype=np.float32)[:, None]
    shifted = seen.table[0].astype(np.float32) - levels
    misplaced = (seen.matrix - np.eye(2, 3)) * np.array([[20, 20, 20 / _SIDE]])
    color, direction = asked.color or (0.0, 0.0, 0.0), asked.direction or (0.0,) * 4
    values = [
        *(float(asked.kind is kind) for kind in _KINDS),
        float(asked.color is not None),
        *(np.array(color) / 100),
        float(asked.direction is not None),
        *direction,
        float(asked.is_plural),
        float(asked.may_blur),
        float(asked.names_whole),
        float(asked.is_global),
        *(np.array([ruled.quality, ruled.following, ruled.consistency]) / 50 - 1),
        s.fit,
        5 * s.drift,
        *(2 * np.array([s.change.mean(), s.intended.mean(), pooled(damage), pooled(wished)])),
        *(np.percentile(s.change, (50, 90, 99))),
        *(np.percentile(damage, (90, 99))),
        float(np.median(m.detail)) / 2,
        float(np.median(m.structure)) * 2,
        float(np.median(m.color)) / 10,
        *(shifted.mean(axis=0) / 30),
        *(np.abs(shifted).max(axis=0) / 60),
        *misplaced.ravel()[[0, 2, 3, 5]],
        *request.about(words, asked),
    ]
    return np.clip(np.array(values, np.float32), -3, 3)


def _fitted(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if values.shape[1::-1] == size:
        return values
    shrinks = values.shape[1] >= size[0]
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
