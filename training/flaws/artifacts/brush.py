"""How does an effect become a painted flaw? Cropped, laid on softly, measured, marked and put into words."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import EditKind, FlawType
from training.flaws import places
from training.flaws.scene import Canvas, Generator, Painted, Random, Segment

LEAST_CHANGE = 3.0  # mean gray levels inside the mask; less is not seen on a screen
RIM = 6  # pixels beyond the mask that may still change
LEAST_SHARE = 0.001  # of the frame: a smaller mark is no flaw that anyone would point at
MOST_TAKEN = 0.1


@dataclass(frozen=True)
class Patch:
    """The part of the picture that an effect works on, with some surroundings."""

    pixels: np.ndarray
    """(h, w, 3) float32 in 0..255."""
    alpha: np.ndarray
    """(h, w) float32 in 0..1: the soft area, or the soft mask of the thing."""
    allowed: np.ndarray
    """(h, w) bool: where pixels may change."""
    other: np.ndarray
    """(H', W', 3) uint8: another photograph."""

    @property
    def size(self) -> float:
        """Square root of the area in pixels: the natural unit of length."""
        return float(np.sqrt(self.alpha.sum())) + 1

    @property
    def middle(self) -> tuple[float, float]:
        """x, y of the center of the area."""
        weights = self.alpha / (self.alpha.sum() + 1e-6)
        return (
            float((weights.sum(axis=0) * np.arange(weights.shape[1])).sum()),
            float((weights.sum(axis=1) * np.arange(weights.shape[0])).sum()),
        )


Layer = tuple[np.ndarray, np.ndarray]
"""Pixels (h, w, 3) in 0..255, and how much of them shows (h, w) in 0..1."""
Effect = Callable[[Patch, float, Random], Layer | None]
"""(patch, strength, random) -> what to lay on the patch; None where it does not fit."""


def over_area(
    flaw_type: FlawType,
    manner: str,
    effect: Effect,
    *wordings: str,
    detail: float = 0.0,
    shares: tuple[float, float] = (0.004, 0.08),
) -> Generator:
    """A generator that tries its effect on soft areas anywhere."""

    def paint(canvas: Canvas, strength: float, random: Random) -> Painted | None:
        for place in places.areas(canvas, random, detail=detail, shares=shares):
            allowed = places.ground_of(canvas, inside=place.inside)
            laid = _laid(canvas, effect, place.alpha, allowed, strength, random, margin=24)
            if laid is not None:
                return _told(canvas, *laid, wordings, random, inside=place.inside)
        return None

    return Generator(flaw_type, f"{flaw_type.value}.{manner}", paint)


def over_thing(
    flaw_type: FlawType,
    manner: str,
    effect: Effect,
    *wordings: str,
    largest: float = 0.3,
    suits: Callable[[Segment], bool] | None = None,
) -> Generator:
    """A generator that tries its effect on whole things: the requested one, or bystanders."""

    def paint(canvas: Canvas, strength: float, random: Random) -> Painted | None:
        for thing in places.things(canvas, random, suits, largest):
            alpha = cv2.GaussianBlur(thing.segment.mask.astype(np.float32), (0, 0), 1.0)
            margin = int(24 + min(80, 0.6 * np.sqrt(thing.segment.mask.sum())))
            laid = _laid(canvas, effect, alpha, thing.allowed, strength, random, margin)
            if laid is not None:
                return _told(canvas, *laid, wordings, random, inside=thing.inside, thing=thing.segment)
        return None

    return Generator(flaw_type, f"{flaw_type.value}.{manner}", paint)


def _laid(
    canvas: Canvas,
    effect: Effect,
    alpha: np.ndarray,
    allowed: np.ndarray,
    strength: float,
    random: Random,
    margin: int,
) -> tuple[np.ndarray, np.ndarray] | None:
    """The picture with the effect on it, and the mask; None where it is hardly seen."""
    height, width = alpha.shape
    x, y, w, h = cv2.boundingRect((alpha > 0.01).astype(np.uint8))
    if w < 4 or h < 4:
        return None
    top, left = max(0, y - margin), max(0, x - margin)
    window = (slice(top, min(height, y + h + margin)), slice(left, min(width, x + w + margin)))
    before = canvas.picture[window]
    patch = Patch(before.astype(np.float32), alpha[window], allowed[window], canvas.other)
    made = effect(patch, float(np.clip(strength, 0, 1)), random)
    if made is None:
        return None
    pixels, shown = made
    weight = (shown * allowed[window])[..., None]
    after = patch.pixels + weight * (np.clip(pixels, 0, 255) - patch.pixels)
    mask = changed(np.abs(after - patch.pixels).mean(axis=2), height * width)
    if mask.sum() < max(30, LEAST_SHARE * height * width):
        return None
    if (mask & canvas.taken[window]).sum() > MOST_TAKEN * mask.sum():
        return None
    picture = canvas.picture.copy()
    picture[window] = np.rint(patch.pixels + _rim(mask)[..., None] * (after - patch.pixels))
    if np.abs(picture[window].astype(np.int16) - before)[mask].mean() < LEAST_CHANGE:
        return None
    whole = np.zeros((height, width), bool)
    whole[window] = mask
    return picture, whole


def changed(difference: np.ndarray, frame: int) -> np.ndarray:
    """(h, w) bool: what a person would mark, from the mean difference (h, w) in gray levels.

    Single unchanged pixels inside are part of the flaw, faint rims and lone specks are not.
    """
    near = cv2.blur(difference, (5, 5))
    seen = near[near > 1.5]
    if not len(seen):
        return np.zeros(difference.shape, bool)
    firm = (near > max(1.5, 0.3 * float(seen.mean()))).astype(np.uint8)
    reach = int(np.clip(np.sqrt(firm.sum()) * 0.06, 1, 8))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    padded = cv2.copyMakeBorder(firm, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[reach:-reach, reach:-reach]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    large = 1 + np.flatnonzero(sizes > max(0.08 * sizes.max(), 0.0001 * frame))
    return np.isin(labels, large)


def _rim(mask: np.ndarray) -> np.ndarray:
    """(h, w) float32: 1 in the mask, fading to 0 within the rim."""
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    return np.clip((RIM - away) / (RIM - 2), 0, 1)


OUTSIDE = (
    "Nothing in that place was to change.",
    "The instruction leaves that part alone.",
    "It has nothing to do with the request.",
    "The original was clean there.",
)
INSIDE = (
    "The requested change should look like part of the photograph.",
    "It makes the edited part look artificial.",
    "The edit was asked to be convincing, and this gives it away.",
    "The instruction is followed, but the result is spoilt.",
)
ANYWHERE = (
    "The requested change of the whole picture does not explain it.",
    "The instruction changes the look of the whole picture, not of one spot.",
    "The rest of the frame has nothing like it.",
)


def _told(
    canvas: Canvas,
    picture: np.ndarray,
    mask: np.ndarray,
    wordings: tuple[str, ...],
    random: Random,
    *,
    inside: bool,
    thing: Segment | None = None,
) -> Painted:
    thing = thing or places.owner(canvas, mask)
    reasons = ANYWHERE if not places.is_local(canvas) else INSIDE if inside else OUTSIDE
    name = places.bare_name(thing.name) if thing else ""
    named = name not in ("", "area", "object")
    where = f"on the {name}" if named else _where(canvas, mask, inside)
    noun = f"the {name}" if named else f"the {'object' if thing else 'area'} {where}"
    text = str(random.choice(wordings)).format(where=where, thing=noun)
    text = f"{text[0].upper()}{text[1:]}. {random.choice(reasons)}"
    return Painted(picture, mask, text, None if thing is None else thing.mask | mask)


def _where(canvas: Canvas, mask: np.ndarray, inside: bool) -> str:
    target = places.bare_name(canvas.edit.target)
    if inside and target:
        removed = canvas.edit.kind is EditKind.REMOVE
        return f"where the {target} was removed" if removed else f"in the edited {target}"
    rows, columns = np.nonzero(mask)
    vertical = ("upper", "middle", "lower")[int(3 * rows.mean() / mask.shape[0])]
    across = ("left", "center", "right")[int(3 * columns.mean() / mask.shape[1])]
    if vertical == "middle":
        return "in the middle of the frame" if across == "center" else f"at the {across} of the frame"
    return f"in the {vertical} {across} of the frame"
