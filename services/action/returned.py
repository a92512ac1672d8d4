"""Is what an editor gave back usable, and does it lie where it should? Checked and registered back."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from editrefiner.contracts import ProblemCode, ProblemError
from services.action import alignment, tone
from services.action.geometry import resized, size_of
from services.action.tone import Tone

MAX_RESHAPE = 0.1  # editors round sides to their grid; a shape further off than this is another picture
BETTER = 0.95  # moving or recolouring must bring the residual below this share of what it was
STRANGE_RESIDUAL = 28.0  # gray levels outside the mask that are left after the best fit: another picture
STRANGE_MATCH = 0.25  # share of what surrounds the mask that the answer must explain when it is that far off
MIN_RING = 64  # pixels outside the mask to judge by


class BackendFailedError(ProblemError):
    """The backend gave an answer that no repair can be made of."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED
    status: ClassVar[int] = 502


@dataclass(frozen=True)
class Settled:
    """An editor's answer laid back on its crop."""

    pixels: np.ndarray
    shift_px: tuple[float, float] = (0.0, 0.0)
    """What is left of its displacement."""
    scale: float = 1.0


def checked(pixels: object, reference: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 of the size of `reference`, or a `BackendFailedError` that says what came instead."""
    if not isinstance(pixels, np.ndarray):
        raise BackendFailedError(f"the editor returned {type(pixels).__name__} instead of an array of pixels")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise BackendFailedError(
            f"the editor returned an array of shape {pixels.shape} and type {pixels.dtype} "
            "instead of (height, width, 3) uint8"
        )
    wide = (pixels.shape[1] / reference.shape[1]) / (pixels.shape[0] / reference.shape[0])
    if abs(np.log(wide)) > MAX_RESHAPE:
        raise BackendFailedError(
            f"the editor returned {pixels.shape[1]}x{pixels.shape[0]} pixels for a crop of "
            f"{reference.shape[1]}x{reference.shape[0]}: another shape, which cannot be laid back"
        )
    return resized(np.ascontiguousarray(pixels), size_of(reference))


def settled(pixels: np.ndarray, reference: np.ndarray, ring: np.ndarray) -> Settled:
    """The answer moved and recoloured back to where and how `reference` is on `ring`, (h, w) bool."""
    if ring.sum() < MIN_RING or np.array_equal(pixels[ring], reference[ring]):
        return Settled(pixels)
    moved = _moved_back(pixels, reference, ring)
    relation = tone.fit(moved[ring], reference[ring], Tone.identity())
    if _residual(moved, reference, ring, relation) < BETTER * _residual(moved, reference, ring):
        moved = _rounded(relation.applied(moved))
    _check_same_scene(moved, reference, ring)
    left = alignment.measure(reference, moved, ring)
    if left is None:
        return Settled(moved)
    center = np.array([reference.shape[1] / 2, reference.shape[0] / 2])
    shift = left[:, :2] @ center + left[:, 2] - center
    return Settled(moved, (float(shift[0]), float(shift[1])), alignment.stretch(left))


def _moved_back(pixels: np.ndarray, reference: np.ndarray, ring: np.ndarray) -> np.ndarray:
    matrix = alignment.measure(reference, pixels, ring)
    if matrix is None or alignment.displacement_px(matrix, size_of(reference)) == 0:
        return pixels
    moved, _ = alignment.sample(pixels, matrix, (0, 0, *size_of(reference)))
    before, after = (
        _residual(picture, reference, ring, tone.fit(picture[ring], reference[ring], Tone.identity()))
        for picture in (pixels, moved)
    )
    return moved if after < BETTER * before else pixels


def _check_same_scene(moved: np.ndarray, reference: np.ndarray, ring: np.ndarray) -> None:
    shown = reference[ring].astype(np.float32)
    left = _residual(moved, reference, ring)
    spread = tone.residual(np.broadcast_to(np.median(shown, axis=0), shown.shape), shown)
    if left > STRANGE_RESIDUAL or (left > STRANGE_RESIDUAL / 4 and left > (1 - STRANGE_MATCH) * spread):
        raise BackendFailedError(
            f"the editor returned another picture: outside the mask it differs by {left:.0f} gray levels "
            "from the crop it was given, even after it was moved and recoloured back"
        )


def _residual(
    pixels: np.ndarray, reference: np.ndarray, ring: np.ndarray, relation: Tone | None = None
) -> float:
    given = pixels[ring] if relation is None else relation.applied(pixels[ring])
    return tone.residual(given, reference[ring])


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
