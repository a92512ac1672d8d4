"""Which edits of one source is the scorer shown beside the flawed one? Better, worse, and cheating ones."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.lab import distance
from training.flaws.record import FlawRecord
from training.flaws.rendering import render
from training.flaws.scene import Flaw, Random
from training.flaws.scores import OF_INSTRUCTION, NominalScores, dimension, nominal_scores, severity

FOREIGN = NominalScores(perceptual_quality=95.0, instruction_following=3.0, visual_consistency=2.0)
"""Of another photograph in the place of an edit: it may look fine, but is neither the edit nor the source."""
LEAST_UNDONE = 3.0  # CIELAB distance of edit and source below which nothing can be taken back
LARGEST_FILLED = 0.2  # of the frame that a repair fills in
INVISIBLE = 2.0  # CIELAB distance below which nobody sees that something is left
BY_HALF = 0.5  # of the edits that are taken back are so in one half only


@dataclass(frozen=True)
class Rated:
    """One edit of a record's source, with the scores that its known flaws give it."""

    name: str
    """`flawed`, `ideal`, or what was done to it."""
    picture: np.ndarray
    """(H, W, 3) uint8."""
    scores: NominalScores
    damage: np.ndarray
    """(3, H, W) float32 in 0..1: where quality, instruction and consistency suffer, and how badly."""


Variant = Callable[[FlawRecord, np.ndarray, Random], Rated | None]
"""(record, another photograph of the same size, random) -> an edit, or None where it cannot be made."""


def rated(name: str, picture: np.ndarray, flaws: Iterable[Flaw], record: FlawRecord) -> Rated:
    """An edit with these flaws and no others."""
    weighed = list(_weighed(flaws, record))
    damage = np.zeros((3, *picture.shape[:2]), np.float32)
    for flaw in weighed:
        place = damage[dimension(flaw.flaw_type)]
        np.maximum(place, flaw.severity * flaw.mask, out=place)
    scores = nominal_scores(weighed, edited=record.edit != "identity")
    return Rated(name, picture, scores, damage)


def flawed(record: FlawRecord, _other: np.ndarray, _rng: Random) -> Rated:
    """The record's own edit."""
    return rated("flawed", record.edited, record.flaws, record)


def ideal(record: FlawRecord, _other: np.ndarray, rng: Random) -> Rated:
    """The edit without its flaws, rendered as editors do."""
    picture = render(record.ideal, rng, float(rng.uniform(0, 1))).picture
    return rated("ideal", picture, [], record)


def identity(record: FlawRecord, _other: np.ndarray, rng: Random) -> Rated:
    """The source, given back as if it were the edit."""
    picture = render(record.source, rng, float(rng.uniform(0, 1))).picture
    return Rated("identity", picture, nominal_scores([], edited=False), _nothing(picture))


def undone(record: FlawRecord, _other: np.ndarray, rng: Random) -> Rated | None:
    """The source pasted back over the whole requested change or over half of it; flaws outside stay."""
    if not record.intended.any():
        return None
    mask = record.intended & _half(record.intended, rng) if rng.random() < BY_HALF else record.intended
    if not mask.any() or distance(record.source, record.edited)[mask].mean() < LEAST_UNDONE:
        return None
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)[..., None]
    picture = _mixed(record.edited, record.source, soft)
    whole = mask.sum() >= 0.9 * record.intended.sum()
    flaw = _flaw(record, picture, mask, FlawType.MISSING_EDIT if whole else FlawType.INCOMPLETE_EDIT)
    kept = [f for f in record.flaws if (f.mask & ~mask).mean() > 0.3 * f.mask.mean()]
    return rated("undone", picture, [*kept, flaw], record)


def hidden(record: FlawRecord, _other: np.ndarray, rng: Random) -> Rated | None:
    """Flaws, or any place where there are none, blurred away: that repairs nothing."""
    places = [flaw.mask for flaw in record.flaws if flaw.mask.mean() < 0.5] or [_spot(record, rng)]
    mask = np.any(places, axis=0)
    if not mask.any():
        return None
    reach = max(3, round(0.02 * max(mask.shape)))
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)).astype(np.float32)
    soft = cv2.GaussianBlur(wide, (0, 0), 2.0)[..., None]
    blurred = cv2.GaussianBlur(record.edited, (0, 0), float(rng.uniform(0.01, 0.03)) * max(mask.shape))
    picture = _mixed(record.edited, blurred, soft)
    flaw = _flaw(record, picture, wide > 0, FlawType.BLUR)
    return rated("hidden", picture, [*record.flaws, flaw], record)


def foreign(record: FlawRecord, other: np.ndarray, _rng: Random) -> Rated | None:
    """Another photograph altogether."""
    if other.shape != record.edited.shape:
        return None
    damage = _nothing(other)
    damage[1:] = 1
    return Rated("foreign", other, FOREIGN, damage)


def repaired(record: FlawRecord, _other: np.ndarray, rng: Random) -> Rated | None:
    """One flaw of several taken away, or the only one in part."""
    if not record.flaws:
        return None
    chosen = int(rng.integers(len(record.flaws)))
    share = 1.0 if len(record.flaws) > 1 else float(rng.uniform(0.3, 0.8))
    soft = share * _soft(record.flaws[chosen].mask)
    return _treated("repaired", record, _mixed(record.edited, record.ideal, soft), chosen, None)


def spoiled(record: FlawRecord, other: np.ndarray, rng: Random) -> Rated | None:
    """A repair of one flaw that failed: filled in from around it, from elsewhere, or with the source."""
    small = [i for i, flaw in enumerate(record.flaws) if flaw.mask.mean() < LARGEST_FILLED]
    if not small:
        return None
    chosen = small[int(rng.integers(len(small)))]
    mask = record.flaws[chosen].mask
    match int(rng.integers(3)):
        case 0:
            radius = max(3, round(0.01 * max(mask.shape)))
            filled = cv2.inpaint(record.edited, _wide(mask).astype(np.uint8), radius, cv2.INPAINT_TELEA)
        case 1 if other.shape == record.edited.shape:
            filled = other
        case _:
            filled = record.source
    picture = _mixed(record.edited, filled, _soft(mask))
    return _treated("spoiled", record, picture, chosen, FlawType.UNNATURAL_TEXTURE)


OTHERS: tuple[tuple[float, Variant], ...] = ((0.3, undone), (0.4, hidden), (0.15, identity), (0.15, foreign))
"""Share of the records -> what is shown beside the flawed edit and the ideal one."""


def variants(record: FlawRecord, other: np.ndarray, rng: Random) -> Iterator[Rated]:
    """The flawed edit, the ideal one where there is a difference, and one more by chance."""
    yield flawed(record, other, rng)
    if record.flaws:
        yield ideal(record, other, rng)
    shares = np.array([share for share, _ in OTHERS])
    chosen = OTHERS[int(rng.choice(len(OTHERS), p=shares / shares.sum()))][1]
    if found := chosen(record, other, rng):
        yield found


def _weighed(flaws: Iterable[Flaw], record: FlawRecord) -> Iterator[Flaw]:
    """What concerns the instruction weighs by the share of the request that it spoils.

    A small edit that was not made is as much of a failure as a large one, though less of it can be seen.
    """
    asked = max(1, int(record.intended.sum()))
    for flaw in flaws:
        share = float((flaw.mask & record.intended).sum() / asked)
        of_instruction = flaw.flaw_type in OF_INSTRUCTION
        yield replace(flaw, severity=max(flaw.severity, 0.9 * share)) if of_instruction else flaw


def _nothing(picture: np.ndarray) -> np.ndarray:
    return np.zeros((3, *picture.shape[:2]), np.float32)


def _flaw(record: FlawRecord, picture: np.ndarray, mask: np.ndarray, flaw_type: FlawType) -> Flaw:
    """What was done to a place, as severe as it can be seen against the ideal edit."""
    y, x = np.nonzero(mask)
    box = int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1
    seen = severity(distance(picture, record.ideal)[mask], float(mask.mean()))
    return Flaw(flaw_type, "variant", mask, box, 1.0, seen, "")


def _treated(
    name: str, record: FlawRecord, picture: np.ndarray, chosen: int, became: FlawType | None
) -> Rated | None:
    """An edit in which one flaw is as severe as can be seen now, and of another type if it `became` one."""
    old = record.flaws[chosen]
    mask = _wide(old.mask)
    left = _flaw(record, picture, mask, became or old.flaw_type)
    others = [flaw for index, flaw in enumerate(record.flaws) if index != chosen]
    seen = distance(picture, record.ideal)[mask]
    gone = float(np.percentile(seen, 70)) < INVISIBLE
    return rated(name, picture, others if gone else [*others, left], record)


def _wide(mask: np.ndarray) -> np.ndarray:
    reach = max(3, round(0.01 * max(mask.shape)))
    return cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0


def _soft(mask: np.ndarray) -> np.ndarray:
    """(H, W, 1) in 0..1: a place with a little of its surroundings, its rim blurred."""
    return cv2.GaussianBlur(_wide(mask).astype(np.float32), (0, 0), 1.5)[..., None]


def _half(mask: np.ndarray, rng: Random) -> np.ndarray:
    """(H, W) bool: one side of a line by chance through the middle of a mask."""
    y, x = np.nonzero(mask)
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.indices(mask.shape)
    across = (columns - x.mean()) * np.cos(angle) + (rows - y.mean()) * np.sin(angle)
    return across > 0


def _spot(record: FlawRecord, rng: Random) -> np.ndarray:
    """(H, W) bool: an ellipse somewhere in the frame."""
    height, width = record.edited.shape[:2]
    spot = np.zeros((height, width), np.uint8)
    center = int(rng.uniform(0.15, 0.85) * width), int(rng.uniform(0.15, 0.85) * height)
    axes = int(rng.uniform(0.05, 0.15) * width), int(rng.uniform(0.05, 0.15) * height)
    cv2.ellipse(spot, center, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    return spot > 0


def _mixed(below: np.ndarray, above: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(below * (1 - weight) + above * weight), 0, 255).astype(np.uint8)
