"""Where may a flaw go? Soft areas and whole things on free ground, in the requested change or beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import EditKind
from training.flaws.scene import Canvas, Random, Segment

COARSE = 4  # areas are drawn at a quarter of the size: their rims are soft anyway
WHOLE_FRAME = 0.9  # an edit of more than this has no outside
SMALLEST = 0.002  # share of the frame below which ground is not worth trying


@dataclass(frozen=True)
class Place:
    """An area for a flaw."""

    alpha: np.ndarray
    """(H, W) float32 in 0..1: how much of the flaw shows."""
    inside: bool
    """Whether it lies in the requested change."""


@dataclass(frozen=True)
class Thing:
    """A whole object for a flaw."""

    segment: Segment
    inside: bool
    """Whether it is the requested change itself."""
    allowed: np.ndarray
    """(H, W) bool: where pixels may change for it."""


def areas(
    canvas: Canvas, random: Random, *, detail: float = 0.0, shares: tuple[float, float] = (0.004, 0.08)
) -> Iterator[Place]:
    """A few areas to try, half of them in the requested change where there is one to speak of.

    `detail` is the least mean gradient (gray levels) around the middle of the area.
    """
    edges = busyness(canvas.picture) if detail else None
    for _ in range(5):
        inside = prefers_inside(canvas, random)
        ground = ground_of(canvas, inside=inside)
        share = float(np.exp(random.uniform(*np.log(shares))))
        if random.random() < 0.08:
            share *= 2.5
        share = min(share, ground.mean() * random.uniform(0.3, 0.9))
        if share < SMALLEST:
            continue
        alpha = _soft_area(canvas, ground, share, edges, detail, random)
        if alpha is not None and alpha.mean() > max(0.35 * share, SMALLEST / 2):
            yield Place(alpha, inside)


def things(
    canvas: Canvas, random: Random, suits: Callable[[Segment], bool] | None = None, largest: float = 0.3
) -> Iterator[Thing]:
    """Up to three objects to try; the requested one comes first in half of the cases."""
    outside = ~_grown(canvas.edit.intended, 4) if is_local(canvas) else np.ones(canvas.taken.shape, bool)
    free = ~_grown(canvas.taken, 4)
    beside = [
        Thing(segment, False, free & outside)
        for segment in canvas.edit.bystanders
        if segment.is_thing and (segment.mask & free & outside).sum() > 0.9 * segment.mask.sum()
    ]
    found = [beside[i] for i in random.permutation(len(beside))]
    content = requested_thing(canvas)
    if content is not None and (content.mask & free).sum() > 0.9 * content.mask.sum():
        found.insert(0 if random.random() < 0.5 else len(found), Thing(content, True, free))
    fitting = [
        thing
        for thing in found
        if 1.5 * SMALLEST < thing.segment.mask.mean() < largest and (suits is None or suits(thing.segment))
    ]
    yield from fitting[:3]


def requested_thing(canvas: Canvas) -> Segment | None:
    """The object that the instruction is about, where the ideal shows one."""
    edit = canvas.edit
    if edit.content is None or edit.kind is EditKind.REMOVE or not is_local(canvas):
        return None
    return Segment(bare_name(edit.target) or "object", edit.content)


def bare_name(name: str) -> str:
    """A name without its article, and without the dashes of label lists."""
    words = name.strip().split("-")[0].split()
    return " ".join(words[1:] if words and words[0].lower() in ("the", "a", "an") else words)


def owner(canvas: Canvas, mask: np.ndarray) -> Segment | None:
    """The thing that most of a flaw lies on; the smaller one where two overlap."""
    content = requested_thing(canvas)
    candidates = [*canvas.edit.bystanders, *([content] if content else [])]
    on = [s for s in candidates if s.is_thing and (s.mask & mask).sum() > 0.7 * mask.sum()]
    return min(on, key=lambda segment: int(segment.mask.sum()), default=None)


def is_local(canvas: Canvas) -> bool:
    """Whether the requested change leaves a part of the frame alone."""
    return bool(canvas.edit.intended.mean() < WHOLE_FRAME)


def prefers_inside(canvas: Canvas, random: Random) -> bool:
    """Heads or tails, unless only one of the two sides exists."""
    if not is_local(canvas) or ground_of(canvas, inside=True).mean() < SMALLEST:
        return False
    return bool(random.random() < 0.5 or ground_of(canvas, inside=False).mean() < SMALLEST)


def ground_of(canvas: Canvas, *, inside: bool) -> np.ndarray:
    """(H, W) bool: where a flaw may be; the whole free frame where the edit is not local."""
    free = ~_grown(canvas.taken, 6)
    if not is_local(canvas):
        return free
    if inside:
        return free & (canvas.edit.intended if canvas.edit.content is None else canvas.edit.content)
    return free & ~_grown(canvas.edit.intended, 6)


def busyness(picture: np.ndarray) -> np.ndarray:
    """(H/4, W/4) float32: mean gradient in gray levels, which says where a blur would be seen."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    gradient = cv2.addWeighted(
        cv2.convertScaleAbs(cv2.Sobel(gray, cv2.CV_16S, 1, 0), alpha=0.25),
        1.0,
        cv2.convertScaleAbs(cv2.Sobel(gray, cv2.CV_16S, 0, 1), alpha=0.25),
        1.0,
        0,
    )
    height, width = gray.shape
    small = cv2.resize(gradient, _coarse_size(height, width), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small.astype(np.float32), (0, 0), 3)


def smooth_noise(shape: tuple[int, int], sigma: float, random: Random) -> np.ndarray:
    """(h, w) float32, zero mean and unit deviation, with features about `sigma` pixels wide."""
    height, width = shape
    grid = random.standard_normal((int(height / sigma) + 4, int(width / sigma) + 4)).astype(np.float32)
    large = cv2.resize(grid, None, fx=sigma, fy=sigma, interpolation=cv2.INTER_CUBIC)
    top, left = (max(0, (large.shape[i] - shape[i]) // 2) for i in (0, 1))
    field = cv2.resize(large[top : top + height, left : left + width], (width, height))
    return (field - field.mean()) / (float(field.std()) + 1e-6)


def feathered(mask: np.ndarray, width: float) -> np.ndarray:
    """(H, W) float32: 0 outside the mask, 1 from `width` pixels inside it on."""
    return np.minimum(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3) / width, 1)


def _soft_area(
    canvas: Canvas,
    ground: np.ndarray,
    share: float,
    edges: np.ndarray | None,
    detail: float,
    random: Random,
) -> np.ndarray | None:
    height, width = ground.shape
    small = cv2.resize(ground.astype(np.uint8), _coarse_size(height, width), interpolation=cv2.INTER_AREA) > 0
    candidates = np.flatnonzero(small if edges is None else small & (edges > detail))
    if not len(candidates):
        return None
    middle = np.unravel_index(random.choice(candidates), small.shape)
    feather = feathered(ground, random.uniform(1.5, 5))
    if random.random() < 0.2 and (whole := _segment_at(canvas, middle, share)) is not None:
        return feathered(whole, random.uniform(1, 3)) * feather
    field = _blob(small.shape, middle, share, random)
    alpha = cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR) * feather
    return alpha.astype(np.float32)


def _segment_at(canvas: Canvas, middle: tuple[np.intp, ...], share: float) -> np.ndarray | None:
    """A segment that covers the point and is not much larger than asked."""
    y, x = (min(int(m) * COARSE, s - 1) for m, s in zip(middle, canvas.taken.shape, strict=True))
    content = requested_thing(canvas)
    for segment in [*canvas.edit.bystanders, *([content] if content else [])]:
        if segment.mask[y, x] and SMALLEST < segment.mask.mean() < max(3 * share, 0.05):
            return segment.mask
    return None


def _blob(shape: tuple[int, ...], middle: tuple[np.intp, ...], share: float, random: Random) -> np.ndarray:
    """(h, w) float32 in 0..1: from a plain soft ellipse to a ragged cloud."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    angle, aspect = random.uniform(0, np.pi), random.uniform(0.4, 1)
    radius = np.sqrt(share * shape[0] * shape[1] / np.pi)
    y, x = rows - middle[0], columns - middle[1]
    along = (x * np.cos(angle) + y * np.sin(angle)) / (radius / np.sqrt(aspect))
    across = (y * np.cos(angle) - x * np.sin(angle)) / (radius * np.sqrt(aspect))
    raggedness = random.choice([0.1, 0.35, 0.7])
    noise = smooth_noise((shape[0], shape[1]), max(2.0, radius / 2.2), random)
    far = along**2 + across**2
    field = 1.1 - far + raggedness * noise * (far < 4)
    return np.clip(field / random.uniform(0.2, 0.6), 0, 1).astype(np.float32)


def _coarse_size(height: int, width: int) -> tuple[int, int]:
    return max(1, width // COARSE), max(1, height // COARSE)


def _grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    if not mask.any():
        return mask
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * pixels + 1,) * 2, np.uint8)) > 0
