"""Where exactly are the flaws? Two saliency maps become regions with tight masks."""

from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import Box, FlawKind, Thresholds

MIN_AREA = 0.0008  # of the frame: anything smaller is noise or invisible
MERGE_GAP = 0.012  # of the longest side: blobs closer than this are repaired together
GROW = 0.004  # of the longest side: a repair needs the flaw's rim too
MIN_PEAK = 1.4  # of the threshold: a blob that nowhere rises clearly above it is not reported
OWN_PART = 0.35  # of a connected change, from which the whole of it belongs to the blob that lies on it
WHOLE_FRAME = (
    0.6  # share from which a blob says that the frame is off: what changed clearly is told apart in it
)
TELLING = 0.2  # of a blob: less change than this does not say where the flaw ends


@dataclass(frozen=True)
class Region:
    """One flaw in pixels of the full-size picture."""

    kind: FlawKind
    bbox: Box
    mask: np.ndarray
    """(y1 - y0, x1 - x0) uint8: 255 marks the flaw."""
    mean_saliency: float
    peak_saliency: float

    @property
    def area(self) -> int:
        """Pixels that are set."""
        return int(np.count_nonzero(self.mask))


def find_regions(
    artifact: np.ndarray,
    failure: np.ndarray,
    thresholds: Thresholds,
    *,
    size: tuple[int, int],
    max_regions: int,
    extent: np.ndarray | None = None,
    intended: np.ndarray | None = None,
) -> tuple[Region, ...]:
    """The most salient blobs of two maps in [0, 1], (h, w) each, scaled to `size` (height, width).

    The maps may be smaller than the picture; their pixel grid covers the same frame. `extent`, (h, w) bool,
    marks what certainly changed without being asked to: saliency says where a flaw is, the change how far it
    reaches. `intended`, (h, w) bool, is the requested change: what lies mostly beside it ends there.
    """
    relative = np.maximum(artifact / thresholds.artifact, failure / thresholds.editing_failure)
    salient = np.maximum(artifact, failure)
    flawed = relative >= 1
    if extent is not None:
        flawed = _tightened(flawed, extent)
    if intended is not None:
        flawed = _kept_out(flawed, intended)
    count, labels, stats = _blobs(flawed)
    found = []
    for label in range(1, count):
        x, y, w, h = (int(v) for v in stats[label, :4])
        window = (slice(y, y + h), slice(x, x + w))
        inside = labels[window] == label
        core = inside & flawed[window]
        peak = float(salient[window][core].max(initial=0.0))
        clear = float(relative[window][core].max(initial=0.0)) >= MIN_PEAK
        if clear and core.sum() >= max(4, MIN_AREA * flawed.size):
            mass = [float(m[window][core].sum()) for m in (artifact, failure)]
            kind = FlawKind.ARTIFACT if mass[0] > mass[1] else FlawKind.EDITING_FAILURE
            found.append((sum(mass), label, kind, float(salient[window][core].mean()), peak))
    found.sort(key=lambda entry: (-entry[0], entry[1]))
    regions = (
        _region(labels == label, size, kind, mean, peak) for _, label, kind, mean, peak in found[:max_regions]
    )
    return tuple(region for region in regions if region is not None)


def union_mask(regions: tuple[Region, ...], size: tuple[int, int]) -> np.ndarray:
    """(H, W) uint8: 255 wherever one of the regions is."""
    whole = np.zeros(size, np.uint8)
    for region in regions:
        x0, y0, x1, y1 = region.bbox
        np.maximum(whole[y0:y1, x0:x1], region.mask, out=whole[y0:y1, x0:x1])
    return whole


def _tightened(flawed: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """Blobs cut to the change that they lie on, with those parts of it that reach beyond the blob."""
    _, found, stats, _ = cv2.connectedComponentsWithStats(extent.astype(np.uint8), connectivity=8)
    changes = np.asarray(found, np.int64)
    inside = np.bincount(changes[flawed & extent], minlength=len(stats))
    own = inside >= OWN_PART * stats[:, cv2.CC_STAT_AREA]
    own[0] = False
    exact = (flawed & extent) | own[changes]
    count, found = cv2.connectedComponents(flawed.astype(np.uint8), connectivity=8)
    blobs = np.asarray(found, np.int64)
    area = np.bincount(blobs.ravel(), minlength=count)
    changed = np.bincount(blobs[flawed & extent], minlength=count)
    # nothing to cut along: an edit that is missing, a flaw within the edit, a drift of the whole frame
    vague = np.where(area > WHOLE_FRAME * flawed.size, changed == 0, changed < TELLING * area)
    vague[0] = False
    return exact | vague[blobs]


def _kept_out(flawed: np.ndarray, intended: np.ndarray) -> np.ndarray:
    """Blobs that lie mostly outside the requested change, without the part inside it."""
    count, found = cv2.connectedComponents(flawed.astype(np.uint8), connectivity=8)
    blobs = np.asarray(found, np.int64)
    area = np.bincount(blobs.ravel(), minlength=count)
    inside = np.bincount(blobs[flawed & intended], minlength=count)
    beside = inside < 0.5 * area
    return flawed & ~(intended & beside[blobs])


def _blobs(flawed: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Label blobs without specks, holes closed and near ones merged."""
    longest = max(flawed.shape)
    kept = cv2.morphologyEx(flawed.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    reach = max(1, round(MERGE_GAP * longest / 2))
    padded = np.pad(kept, 2 * reach)  # a blob at the frame's edge is closed like any other
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, _disk(reach))
    closed = closed[2 * reach : -2 * reach, 2 * reach : -2 * reach]
    grown = cv2.dilate(_filled(closed), _disk(max(1, round(GROW * longest))))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    return count, labels, stats


def _filled(mask: np.ndarray) -> np.ndarray:
    """With small holes closed: what a flaw surrounds is repaired with it."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    limit = 0.005 * mask.size
    small = [label for label in range(1, count) if stats[label, cv2.CC_STAT_AREA] < limit]
    return mask | np.isin(labels, small).astype(np.uint8)


def _region(
    blob: np.ndarray, size: tuple[int, int], kind: FlawKind, mean: float, peak: float
) -> Region | None:
    """Scale one blob to the full-size frame; None where it falls between its pixels."""
    height, width = size
    if blob.shape != size:
        smooth = cv2.resize(blob.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_LINEAR)
        blob = smooth >= 128
    x, y, w, h = cv2.boundingRect(blob.astype(np.uint8))
    if w == 0 or h == 0:
        return None
    crop = blob[y : y + h, x : x + w].astype(np.uint8) * 255
    return Region(kind, (x, y, x + w, y + h), crop, mean, peak)


def _disk(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
