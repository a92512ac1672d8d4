"""How are the two pictures laid on each other around a region? Crops of the edit and the source below."""

from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.regions import MarkedRegion
from services.reasoning.agent import Sample

CONTEXT_SHARE = 0.6  # of the longer side of the box, on each side: what a region is compared with
MIN_CONTEXT_PX = 24
MAX_SIDE_PX = 448  # crops are measured at most this large: facts are means, finer pixels change little


@dataclass(frozen=True)
class Crop:
    """One region with its surroundings, all of the same size."""

    edited: np.ndarray
    """(h, w, 3) uint8."""
    source: np.ndarray
    """(h, w, 3) uint8: the registered source in the tone of the edit."""
    inside: np.ndarray
    """(h, w) bool: the region."""
    ring: np.ndarray
    """(h, w) bool: its near surroundings, without other marked pixels."""
    intended: np.ndarray
    """(h, w) bool: the requested change."""
    scale: float
    """Crop pixels per picture pixel, at most 1."""


def cut(sample: Sample, target: MarkedRegion, marked: np.ndarray) -> Crop:
    """The crop of one target; `marked` is the (H, W) bool union of all regions, which are no surroundings."""
    height, width = sample.edited.shape[:2]
    x0, y0, x1, y1 = target.box
    margin = max(MIN_CONTEXT_PX, round(CONTEXT_SHARE * max(x1 - x0, y1 - y0)))
    left, top = max(0, x0 - margin), max(0, y0 - margin)
    right, bottom = min(width, x1 + margin), min(height, y1 + margin)
    window = np.s_[top:bottom, left:right]
    edited = sample.edited[window]
    source = _source_below(sample, left, top, (right - left, bottom - top))
    inside = np.zeros(edited.shape[:2], bool)
    inside[y0 - top : y1 - top, x0 - left : x1 - left] = target.mask > 0
    intended = np.zeros_like(inside) if sample.intended is None else sample.intended[window] >= 128
    scale = min(1.0, MAX_SIDE_PX / max(edited.shape[:2]))
    if scale < 1.0:
        size = (max(8, round(edited.shape[1] * scale)), max(8, round(edited.shape[0] * scale)))
        edited, source = (
            cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in (edited, source)
        )
        inside, intended = (_shrunk(mask, size) for mask in (inside, intended))
        others = _shrunk(marked[window], size)
    else:
        others = marked[window]
    reach = max(3, round(MIN_CONTEXT_PX * scale / 2))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    ring = (cv2.dilate(inside.astype(np.uint8), kernel) > 0) & ~cv2.dilate(
        others.astype(np.uint8), np.ones((3, 3), np.uint8)
    ).astype(bool)
    return Crop(edited, source, inside, ring, intended, scale)


def _source_below(sample: Sample, left: int, top: int, size: tuple[int, int]) -> np.ndarray:
    """The source under a window of the edit, in the tone that the whole edit has."""
    relation = sample.registration
    matrix = np.array(relation.matrix, np.float64).reshape(2, 3)
    matrix[:, 2] += matrix[:, :2] @ (left, top)
    warped = cv2.warpAffine(
        sample.source,
        matrix,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if relation.gain == (1.0, 1.0, 1.0) and relation.offset == (0.0, 0.0, 0.0):
        return warped
    levels = np.arange(256, dtype=np.float32)[:, None]
    table = levels * np.array(relation.gain, np.float32) + np.array(relation.offset, np.float32)
    return cv2.LUT(warped, np.rint(np.clip(table, 0, 255)).astype(np.uint8)[None])


def _shrunk(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    share = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    return share >= min(128, int(share.max()) or 128)
