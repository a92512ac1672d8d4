"""What differs between source and edited picture, place by place, on a grid of small cells?"""

from dataclasses import dataclass

import cv2
import numpy as np

GRID_SIDE = 64  # cells along the longest side: a flaw of 2 % of the frame covers some 80 cells
BASE_SIDE = 512  # structure and colour are measured at this longest side, px
NOISE_GRAY = 2.0  # differences of fine detail below this many gray levels are encoder noise
STRUCTURE_NOISE = (3.0, 2.5, 2.0)  # the same for the three structure bands, fine to coarse
EDGE_TOLERANCE = 0.35  # px at BASE_SIDE by which an edge may stand elsewhere before its colour counts


@dataclass(frozen=True)
class Measures:
    """Facts per cell, each (rows, cols) float32 unless said otherwise."""

    source_lab: np.ndarray
    """(rows, cols, 3) CIELAB of the source after its tone was aligned."""
    edited_lab: np.ndarray
    given_lab: np.ndarray
    """(rows, cols, 3) CIELAB of the source as it was given."""
    color: np.ndarray
    """CIELAB distance of the two beyond what a small misplacement explains."""
    structure: np.ndarray
    """0 = the same structure, 1 = nothing in common."""
    coarse: np.ndarray
    """The same at the coarsest band, which a slight blur leaves alone."""
    new: np.ndarray
    """0..1: share of the coarser structure that cannot be had by weakening that of the source."""
    detail: np.ndarray
    """log2 of fine detail edited / source; 0 where neither has any."""
    texture: np.ndarray
    """Fine detail of the source, RMS gray levels."""
    energy: np.ndarray
    """log2 of structure energy edited / source."""
    edges: np.ndarray
    """0..1: straight new edges that the source does not have."""
    clipped: np.ndarray
    """Share of pixels that newly lie at the end of the scale."""


def measure(source: np.ndarray, edited: np.ndarray, table: np.ndarray) -> Measures:
    """Compare two registered (H, W, 3) uint8 pictures; the table brings the source to the edited tone."""
    height, width = edited.shape[:2]
    side = max(height, width)
    cells = max(1, round(width * GRID_SIDE / side)), max(1, round(height * GRID_SIDE / side))
    toned = cv2.LUT(source, table)
    gray = [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float32) for p in (toned, edited)]
    detail, texture = _detail(gray[0], gray[1], cells)
    scale = min(1.0, BASE_SIDE / side)
    size = max(8, round(width * scale)), max(8, round(height * scale))
    base = [_resized(p, size) for p in (toned, edited)]
    structure, coarse, new, energy = _structure(_resized(gray[0], size), _resized(gray[1], size), cells)
    source_lab, edited_lab, color = _color(base[0], base[1], cells)
    return Measures(
        source_lab=source_lab,
        edited_lab=edited_lab,
        given_lab=_lab(_resized(source, cells)),
        color=color,
        structure=structure,
        coarse=coarse,
        new=new,
        detail=detail,
        texture=texture,
        energy=energy,
        edges=_new_edges(base[0], base[1], cells),
        clipped=_clipped(base[0], base[1], cells),
    )


def smooth(grid: np.ndarray, sigma: float) -> np.ndarray:
    """A grid blurred by `sigma` cells."""
    return cv2.GaussianBlur(grid, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)


def _detail(source: np.ndarray, edited: np.ndarray, cells: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    fine = [smooth(_resized(_band(g) ** 2, cells), 0.7) for g in (source, edited)]
    floor = NOISE_GRAY**2
    return 0.5 * np.log2((fine[1] + floor) / (fine[0] + floor)), np.sqrt(fine[0])


def _band(gray: np.ndarray) -> np.ndarray:
    return gray - cv2.GaussianBlur(gray, (5, 5), 1.0)


def _structure(
    source: np.ndarray, edited: np.ndarray, cells: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Dissimilarity over three bands, that of the coarsest, what is new, and log2 of the energies' ratio."""
    unlike, new, energies = [], [], np.zeros((2, cells[1], cells[0]), np.float32)
    for noise in STRUCTURE_NOISE:
        below = [cv2.pyrDown(g) for g in (source, edited)]
        a, b = (below[i] - cv2.GaussianBlur(below[i], (0, 0), 2.0) for i in range(2))
        va, vb, ab = (smooth(_resized(product, cells), 1.0) for product in (a * a, b * b, a * b))
        floor = 2 * noise**2
        unlike.append(np.clip(1 - (2 * ab + floor) / (va + vb + floor), 0, 1))
        new.append(np.clip((vb - np.maximum(ab, 0) ** 2 / (va + 1e-3) - floor) / (va + vb + floor), 0, 1))
        energies += np.stack([va, vb])
        source, edited = below
    ratio = 0.5 * np.log2((energies[1] + 12.0) / (energies[0] + 12.0))
    return np.maximum(unlike[0], unlike[1]), unlike[2], np.maximum(new[1], new[2]), ratio


def _color(
    source: np.ndarray, edited: np.ndarray, cells: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    four = cells[0] * 4, cells[1] * 4
    labs = [_lab(_resized(p, four)) for p in (source, edited)]
    slope = np.maximum(_slope(labs[0]), _slope(labs[1])) * EDGE_TOLERANCE
    apart = np.linalg.norm(labs[0] - labs[1], axis=2) - slope
    source_lab, edited_lab = (_resized(lab, cells) for lab in labs)
    return source_lab, edited_lab, _resized(np.maximum(apart, 0).astype(np.float32), cells)


def _slope(lab: np.ndarray) -> np.ndarray:
    """Lab change per pixel at BASE_SIDE; this grid has two such pixels per step."""
    dx = np.linalg.norm(cv2.Sobel(lab, cv2.CV_32F, 1, 0, scale=1 / 8), axis=2)
    dy = np.linalg.norm(cv2.Sobel(lab, cv2.CV_32F, 0, 1, scale=1 / 8), axis=2)
    return np.hypot(dx, dy) / 2


def _new_edges(source: np.ndarray, edited: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """Straight lines along rows or columns that came with the edit: pasted blocks and seams."""
    run = max(9, round(max(edited.shape[:2]) / 18))
    line = np.zeros(edited.shape[:2], np.float32)
    for axis in (0, 1):
        steps = [
            cv2.absdiff(p[:-1], p[1:]) if axis == 0 else cv2.absdiff(p[:, :-1], p[:, 1:])
            for p in (source, edited)
        ]
        before, after = (
            cv2.max(cv2.max(*cv2.split(s)[:2]), cv2.split(s)[2]).astype(np.float32) for s in steps
        )
        new = np.maximum(after - 1.2 * cv2.dilate(before, np.ones((5, 5), np.uint8)) - 4, 0)
        kernel = (run, 1) if axis == 0 else (1, run)
        along = cv2.blur(np.minimum(new, 24.0), kernel)
        view = line[:-1] if axis == 0 else line[:, :-1]
        np.maximum(view, along, out=view)
    return cv2.dilate(_strongest(line, cells) / 12.0, np.ones((3, 3), np.uint8)).clip(0, 1)


def _strongest(picture: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    step = max(1, round(max(picture.shape) / GRID_SIDE))
    peak = cv2.dilate(picture, np.ones((step, step), np.uint8))
    return _resized(peak, cells)


def _clipped(source: np.ndarray, edited: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    ends = []
    for red, green, blue in map(cv2.split, (source, edited)):
        most, least = cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)
        ends.append(((most >= 254) & (least >= 235)) | (most <= 2))
    return _resized((ends[1] & ~ends[0]).astype(np.float32), cells)


def _lab(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
