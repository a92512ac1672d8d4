"""How would people mark a flaw? A box around the object, disks on the flawed places, a saliency map of both.

EditRefiner paper, section 3.2.1: each problematic object has one box and at least one disk with a radius of
1/20 of the picture's height; the disks of three annotators are aggregated with Gaussian kernels.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from training.flaws.scene import Flaw, Random

ANNOTATORS = 3
DISK_RADIUS = 1 / 20  # of the picture's height
COVERED = 0.85  # of a flaw, after which an annotator goes on to the next
MAX_DISKS = 48  # that anybody sets on one flaw
WHOLE_FRAME = 0.9  # share of the frame from which no disks are set: everything is marked
NOTICED = (0.7, 1.0)  # chance that an annotator marks a flaw of severity 0 and 1
WORKING_HEIGHT = 160  # rows at which the disks are drawn

Box = tuple[int, int, int, int]


def box_of(mask: np.ndarray) -> Box:
    """x0, y0, x1, y1 (exclusive) around an (H, W) bool mask that is not empty."""
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    if not w:
        raise ValueError("an empty mask has no box")
    return (x, y, x + w, y + h)


def saliency_map(flaws: Sequence[Flaw], shape: tuple[int, int], rng: Random) -> np.ndarray:
    """(H, W) float32 in [0, 1]: the share of annotators who marked a place, smoothed by half a disk."""
    height, width = shape
    scale = min(1.0, WORKING_HEIGHT / height)
    small = max(1, round(height * scale)), max(1, round(width * scale))
    radius = max(1.0, DISK_RADIUS * small[0])
    whole = np.zeros(small, np.float32)
    marks = [np.zeros(small, np.float32) for _ in range(ANNOTATORS)]
    for flaw in flaws:
        mask = cv2.resize(flaw.mask.astype(np.float32), small[::-1], interpolation=cv2.INTER_AREA)
        if flaw.mask.mean() > WHOLE_FRAME:
            np.maximum(whole, mask, out=whole)
            continue
        who = rng.random(ANNOTATORS) < np.interp(flaw.severity, (0, 1), NOTICED)
        who[rng.integers(ANNOTATORS)] = True  # a flaw that nobody marked would not be in the data
        for marked, noticed in zip(marks, who, strict=True):
            if noticed:
                _set_disks(marked, mask, radius, rng)
    agreed = cv2.GaussianBlur(np.mean(marks, axis=0), (0, 0), radius / 2)
    full = cv2.resize(np.maximum(agreed, whole), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(full, 0, 1).astype(np.float32)


def _set_disks(marked: np.ndarray, mask: np.ndarray, radius: float, rng: Random) -> None:
    """Set disks on what is not covered yet, where most of it is, with an unsteady hand."""
    left = (mask > 0.25).astype(np.float32)
    left = left if left.any() else (mask >= mask.max()).astype(np.float32)
    total = float(left.sum())
    for _ in range(MAX_DISKS):
        gain = cv2.blur(left, (2 * int(radius) + 1,) * 2) + 1e-4 * left
        y, x = divmod(
            int(np.argmax(gain * (0.8 + 0.4 * rng.random(gain.shape, dtype=np.float32)))), gain.shape[1]
        )
        at = (round(x + rng.normal(0, radius / 6)), round(y + rng.normal(0, radius / 6)))
        cv2.circle(marked, at, round(radius), 1.0, -1)
        cv2.circle(left, at, round(radius), 0.0, -1)
        if left.sum() <= (1 - COVERED) * total:
            return
