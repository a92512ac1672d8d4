"""Pictures with a known truth, requests about them, and a shelf that keeps them in memory."""

import hashlib
from typing import Any

import cv2
import numpy as np

from editrefiner.contracts import (
    Box,
    ChangeScope,
    ChangeSummary,
    EditKind,
    EditRequest,
    EditResult,
    FlawDiagnosis,
    FlawKind,
    FlawRegion,
    FlawType,
    ImageRef,
    Operation,
)
from services.action.agent import ActionAgent
from services.action.backends.compact import CompactEditor

INSTRUCTION = "Make the sky pink"
BOX: Box = (60, 50, 116, 98)
"""Where the flaw of a test lies."""


class Shelf:
    """Pictures in memory, by their content; it hands out the very arrays that it keeps."""

    def __init__(self) -> None:
        self._kept: dict[str, np.ndarray] = {}

    def put_pixels(self, pixels: np.ndarray) -> ImageRef:
        name = hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()
        self._kept.setdefault(name, pixels.copy())
        return ImageRef(sha256=name, width=pixels.shape[1], height=pixels.shape[0])

    def pixels(self, ref: ImageRef) -> np.ndarray:
        return self._kept[ref.sha256]

    gray = pixels


def textured(width: int = 200, height: int = 150, seed: int = 3) -> np.ndarray:
    """Colourful disks with fine grain, (height, width, 3)."""
    rng = np.random.default_rng(seed)
    canvas = np.full((height, width, 3), 120, np.uint8)
    for _ in range(60):
        centre = tuple(int(value) for value in rng.integers((0, 0), (width, height)))
        color = tuple(int(value) for value in rng.integers(40, 215, 3))
        cv2.circle(canvas, centre, int(rng.integers(4, 26)), color, -1, cv2.LINE_AA)
    grain = cv2.GaussianBlur(rng.normal(0, 16, (height, width)), (0, 0), 0.7)[..., None]
    return np.clip(canvas + grain, 0, 255).astype(np.uint8)


def window(picture: np.ndarray, box: Box = BOX) -> np.ndarray:
    """The pixels of a box, as a view."""
    return picture[box[1] : box[3], box[0] : box[2]]


def marked(picture: np.ndarray, box: Box = BOX) -> np.ndarray:
    """A mask of the picture's size, 255 in the box."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    window(mask, box)[:] = 255
    return mask


def mean_error(picture: np.ndarray, truth: np.ndarray, box: Box = BOX) -> float:
    """Mean absolute difference in the box, in gray levels."""
    return float(np.abs(window(picture, box).astype(np.int16) - window(truth, box)).mean())


def region(
    shelf: Shelf, name: str = "r1", box: Box = BOX, mask: np.ndarray | None = None, **fields: Any
) -> FlawRegion:
    """A region; the whole box is flawed unless a mask of its size says otherwise."""
    pixels = np.full((box[3] - box[1], box[2] - box[0]), 255, np.uint8) if mask is None else mask
    usual = {"kind": FlawKind.ARTIFACT, "area": 1, "mean_saliency": 0.5, "peak_saliency": 0.9}
    return FlawRegion(id=name, bbox=box, mask=shelf.put_pixels(pixels), **(usual | fields))


def diagnosis(name: str, flaw_type: FlawType, operation: Operation, **fields: Any) -> FlawDiagnosis:
    """What is wrong in a region and what to do about it."""
    usual = {"explanation": "It looks wrong.", "severity": 0.5, "confidence": 0.7, "edit_instruction": ""}
    return FlawDiagnosis(
        region_id=name,
        flaw_type=flaw_type,
        flaw_type_text=flaw_type.value,
        suggested_operation=operation,
        **(usual | fields),
    )


def change(
    shelf: Shelf, intended: np.ndarray | None, scope: ChangeScope = ChangeScope.LOCAL
) -> ChangeSummary:
    """Where the requested change is."""
    return ChangeSummary(
        scope=scope,
        edit_kind=EditKind.RECOLOR,
        changed_fraction=0.1,
        intended_mask=None if intended is None else shelf.put_pixels(intended),
    )


def request(shelf: Shelf, source: np.ndarray, edited: np.ndarray, **fields: Any) -> EditRequest:
    """A request about BOX unless `regions` or `mask` (an array) says otherwise."""
    if "mask" in fields:
        fields["mask"] = shelf.put_pixels(fields["mask"])
    elif "regions" not in fields:
        fields["regions"] = (region(shelf),)
    return EditRequest(
        source=shelf.put_pixels(source),
        edited=shelf.put_pixels(edited),
        instruction=INSTRUCTION,
        **fields,
    )


def repaired(
    source: np.ndarray,
    edited: np.ndarray,
    flaw_type: FlawType,
    operation: Operation,
    *,
    box: Box = BOX,
    intended: np.ndarray | None = None,
    **fields: Any,
) -> tuple[EditResult, list[np.ndarray]]:
    """The compact editor's answer about one box and its pictures; `intended` marks the requested change."""
    shelf = Shelf()
    asked = request(
        shelf,
        source,
        edited,
        regions=(region(shelf, box=box),),
        flaws=(diagnosis("r1", flaw_type, operation),),
        change=change(shelf, intended, ChangeScope.NONE if intended is None else ChangeScope.LOCAL),
        **fields,
    )
    result = ActionAgent(CompactEditor(), shelf).edit(asked, lambda: None)
    return result, [shelf.pixels(candidate.image) for candidate in result.candidates]
