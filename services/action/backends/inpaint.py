"""How is a hole filled from its surroundings? PatchMatch, whole shifted pieces, or diffusion when thin."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from patchmatch_cython import CythonSolver, inpaint_pyramid

from services.action.context import RegionContext
from services.action.geometry import resized, scaled_size, shrink_factor, size_of, thickness_px

NAME = "inpaint"
"""Replaces the mask by what its surroundings suggest. Parameters:

`method` (0 or 1): 0 fills patch by patch (PatchMatch), 1 by whole shifted pieces (shift-map), which keeps
straight structure better and takes some times longer. Thin lines are always closed by diffusion.
"""
BOUNDS = {"method": (0.0, 1.0, 0.0)}
PATCHES, SHIFTS, LINES = 0.0, 1.0, 2.0
THIN_PX = 7.0  # up to this thickness diffusion (Telea) leaves no smear
LINE_RADIUS_PX = 4
WORK_SIDES = {PATCHES: 512, SHIFTS: 320}  # longest side in pixels: about a second either way
MIN_KNOWN = 0.12  # share of the crop that must be there to fill from
PATCH_PX = 7
LOOPS, REFINEMENTS, MATCHINGS = 2, 2, 4  # of PatchMatch: coarse loops, passes at the end, passes for detail
SEEDS = 2**31


def inpaint(
    region: RegionContext, parameters: Mapping[str, float], checkpoint: Callable[[], None]
) -> tuple[np.ndarray, dict[str, float]] | None:
    """The crop with the mask filled in; None when too little is known around it."""
    hole = ~region.trusted  # other flaws are no example either
    if hole.mean() > 1 - MIN_KNOWN:
        return None
    method = LINES if thickness_px(region.mask) <= THIN_PX else float(round(parameters["method"]))
    checkpoint()
    if method == LINES:
        filled = cv2.inpaint(region.edited, region.mask, LINE_RADIUS_PX, cv2.INPAINT_TELEA)
    else:
        filled = _filled_small(region.edited, hole, method, region.seed % SEEDS)
    pixels = region.edited.copy()
    inside = region.mask > 0
    pixels[inside] = filled[inside]
    return pixels, {"method": method}


def _filled_small(picture: np.ndarray, hole: np.ndarray, method: float, seed: int) -> np.ndarray:
    """Fill at a bounded size; fine detail comes from where the content was taken."""
    factor = shrink_factor(size_of(picture), WORK_SIDES[method])
    size = scaled_size(size_of(picture), factor)
    small, small_hole = resized(picture, size), resized(hole.astype(np.uint8) * 255, size) > 0
    filled = _patches(small, small_hole, seed) if method == PATCHES else _pieces(small, small_hole)
    return filled if factor == 1.0 else _with_detail(picture, small, filled, small_hole, seed)


def _patches(picture: np.ndarray, hole: np.ndarray, seed: int) -> np.ndarray:
    return inpaint_pyramid(
        picture, hole, patch_size=PATCH_PX, seed=seed, em_loops=LOOPS, hole_refine=REFINEMENTS
    )


def _pieces(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)
    filled = np.empty_like(lab)
    cv2.xphoto.inpaint(lab, np.where(hole, np.uint8(0), np.uint8(255)), filled, cv2.xphoto.INPAINT_SHIFTMAP)
    return np.where(hole[..., None], cv2.cvtColor(filled, cv2.COLOR_Lab2RGB), picture)


def _with_detail(
    picture: np.ndarray, small: np.ndarray, filled: np.ndarray, hole: np.ndarray, seed: int
) -> np.ndarray:
    """The filled picture at full size, with the detail of the places that its patches resemble."""
    size = size_of(picture)
    solver = CythonSolver(filled.astype(np.float32), hole, PATCH_PX)
    solver(iterations=MATCHINGS, seed=seed)
    matches = np.asarray(solver.nnf, dtype=np.float32)  # (h, w, 2): x, y of the most similar known patch
    rows, columns = np.mgrid[: hole.shape[0], : hole.shape[1]].astype(np.float32)
    shift_x, shift_y = (
        cv2.resize(shift, size, interpolation=cv2.INTER_NEAREST)
        for shift in (matches[..., 0] - columns, matches[..., 1] - rows)
    )
    scale_x, scale_y = size[0] / hole.shape[1], size[1] / hole.shape[0]
    detail = picture.astype(np.int16) - resized(small, size)
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    from_x, from_y = np.rint(x + shift_x * scale_x), np.rint(y + shift_y * scale_y)
    taken = cv2.remap(detail, from_x, from_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
    return np.clip(resized(filled, size) + taken, 0, 255).astype(np.uint8)
