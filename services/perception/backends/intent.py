"""Which of the changes was asked for? The main change that fits the instruction, apart from all others."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import EditKind
from services.perception.backends.change import Change
from services.perception.backends.instruction import Wish
from services.perception.backends.tone import Tone
from services.perception.backends.vocabulary import ACHROMATIC, COLORS

CHANGED = 0.5  # probability from which a pixel counts as changed
WHOLE_FRAME = 0.45  # share of the frame from which no main change can be told from the rest
MIN_PART = 0.0006  # of the frame: a smaller change is not what somebody asked for
MAX_PARTS = 24  # a frame in more pieces than this was made anew
CLUSTER = 0.035  # of the longest side: width of the smoothing that joins the pieces of a reworked thing
CLUSTER_DENSITY = 0.15  # share of changed pixels around, from which a place belongs to the thing
SLIVER = 0.006  # of the longest side: a thinner leftover beside the main change is its rim
RIVAL_SCORE = 0.4  # of the main change's score: as likely the one that was asked for, so it is left alone
FELLOW_SCORE = 0.2  # of the main change's score: enough to be another of "these"
SAME_HUE = 15.0  # degrees
SAME_THING = 25.0  # CIELAB distance between parts of one thing, lightness counting half
COLORFUL = 10.0  # CIELAB chroma from which a hue can be told


@dataclass(frozen=True)
class Intent:
    """The changed part of the frame, split in two; (H, W) bool each."""

    intended: np.ndarray
    unintended: np.ndarray
    changed: np.ndarray


def separate(change: Change, edited: np.ndarray, tone: Tone, wish: Wish) -> Intent:
    """Split what changed in `edited`, (H, W, 3) float32 RGB on 0..255, against what its tone predicts."""
    lab_edited, lab_predicted = (cv2.cvtColor(p / 255, cv2.COLOR_RGB2LAB) for p in (edited, tone.predicted))
    changed = _cleaned(change.changed > CHANGED)
    if change.unlike.mean() > WHOLE_FRAME:
        return Intent(change.unlike, np.zeros_like(changed), change.unlike)
    if wish.reach == "frame" or wish.kind is EditKind.RESTORE:
        return Intent(changed, np.zeros_like(changed), changed)
    if wish.reach == "tone":
        whole = np.full_like(changed, tone.model != "identity")
        return Intent(whole & ~changed, changed, changed)
    fitting, akin = changed, np.zeros_like(changed)
    if wish.kind is EditKind.RECOLOR:
        akin = _moved_to(lab_edited, lab_predicted, wish.color) & changed
        fitting = _cleaned(akin & (change.recolored > CHANGED))
    parts = _parts(fitting) if wish.kind is EditKind.RECOLOR else _clusters(fitting)
    if not parts:
        return Intent(np.zeros_like(changed), changed, changed)
    scores = _scores(parts, change, lab_edited, lab_predicted, wish)
    chosen = _chosen(parts, scores, lab_edited, lab_predicted, wish)
    main = np.any([parts[i] for i in chosen], axis=0)
    beside = cv2.dilate(main.astype(np.uint8), _disk(main, 2 * SLIVER)) > 0
    intended = _with_rims(main | (akin & beside), changed)
    return Intent(intended, changed & ~intended, changed)


def _scores(
    parts: list[np.ndarray], change: Change, edited: np.ndarray, predicted: np.ndarray, wish: Wish
) -> np.ndarray:
    """How well each part fits: its size, the kind of its change, its place."""
    area = np.array([part.mean() for part in parts])
    fits = np.array([_fit(part, change, edited, predicted, wish) for part in parts])
    places = np.array([_in_place(part, wish) for part in parts])
    return area**0.8 * fits * places


def _fit(part: np.ndarray, change: Change, edited: np.ndarray, predicted: np.ndarray, wish: Wish) -> float:
    restructured = 0.1 + float(change.restructured[part].mean())
    match wish.kind:
        case EditKind.RECOLOR:
            return _closeness(edited[part], wish.color) * (1.2 - restructured)
        case EditKind.REMOVE | EditKind.ADD:
            gained = np.std(edited[part][:, 0]) - np.std(predicted[part][:, 0])
            wanted = gained if wish.kind is EditKind.ADD else -gained
            return restructured * (1.5 if wanted > 0 else 1.0)
        case _:
            return restructured


def _in_place(part: np.ndarray, wish: Wish) -> float:
    """1 where the part lies where the words say, less where it does not."""
    rows, columns = np.nonzero(part)
    x, y = columns.mean() / part.shape[1], rows.mean() / part.shape[0]
    matches = {"left": x < 0.5, "right": x > 0.5, "top": y < 0.5, "bottom": y > 0.5, "center": 0.2 < x < 0.8}
    return float(np.prod([1.0 if matches[place] else 0.6 for place in wish.places]))


def _chosen(
    parts: list[np.ndarray], scores: np.ndarray, edited: np.ndarray, predicted: np.ndarray, wish: Wish
) -> list[int]:
    """The best part, its rivals, and its fellows: pieces of one thing, or others where several are meant.

    A colour tells the asked part from others. Without one, to take back what may have been asked for is
    worse than to leave a flaw.
    """
    main = int(np.argmax(scores))
    chosen = [main]
    for i, part in enumerate(parts):
        fellow = scores[i] > (FELLOW_SCORE if wish.many else RIVAL_SCORE) * scores[main]
        if wish.kind is EditKind.RECOLOR:
            now, before = ((lab[part], lab[parts[main]]) for lab in (edited, predicted))
            fellow = _alike(*now) and ((fellow and wish.many) or _alike(*before))
        if fellow and i != main:
            chosen.append(i)
    return chosen


def _alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two sets of CIELAB colours could be pieces of one thing, in more or less light."""
    gap = (np.median(first, axis=0) - np.median(second, axis=0)) * [0.5, 1, 1]
    return bool(np.linalg.norm(gap) < SAME_THING and _hue_gap(first, second) < SAME_HUE)


def _hue_gap(first: np.ndarray, second: np.ndarray) -> float:
    """Degrees between the typical hues of two sets of CIELAB colours; 0 where one of them has none."""
    (a, b), (c, d) = (np.median(colors[:, 1:], axis=0) for colors in (first, second))
    if min(np.hypot(a, b), np.hypot(c, d)) < COLORFUL:
        return 0.0
    return float(abs((np.degrees(np.arctan2(b, a) - np.arctan2(d, c)) + 180) % 360 - 180))


def _moved_to(edited: np.ndarray, predicted: np.ndarray, color: str | None) -> np.ndarray:
    """(H, W) bool: pixels that took the named colour, or any other colour where none is named."""
    shift = edited[..., 1:] - predicted[..., 1:]
    if color is None:
        return np.hypot(shift[..., 0], shift[..., 1]) > COLORFUL
    light, *target = COLORS[color]
    goal = np.array(target, np.float32)
    chroma = np.hypot(edited[..., 1], edited[..., 2])
    if color in ACHROMATIC:
        lighter = np.abs(edited[..., 0] - light) < np.abs(predicted[..., 0] - light) - 3
        paler = chroma < np.hypot(predicted[..., 1], predicted[..., 2]) - 3
        return (chroma < 20) & (lighter | paler)
    toward = goal - predicted[..., 1:]
    aligned = (shift * toward).sum(axis=-1) > 0.5 * np.hypot(*np.moveaxis(shift, -1, 0)) * np.hypot(
        *np.moveaxis(toward, -1, 0)
    )
    hue_gap = np.degrees(np.arctan2(edited[..., 2], edited[..., 1]) - np.arctan2(goal[1], goal[0]))
    return aligned & (np.abs((hue_gap + 180) % 360 - 180) < 45) & (chroma > 6)


def _closeness(colors: np.ndarray, color: str | None) -> float:
    """1 for the very hue that was named, falling to 0.2 far from it."""
    if color is None or color in ACHROMATIC:
        return 1.0
    target = np.array([COLORS[color]], np.float32)
    return max(0.2, 1 - _hue_gap(colors, target) / 60)


def _with_rims(main: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Add leftovers that are only the rim or the inside of the main change.

    A thin leftover is a rim also where it runs into a thick one, which may be a flaw beside the main change.
    """
    rest = (changed & ~main).astype(np.uint8)
    disk = _disk(main, SLIVER)
    opened = cv2.morphologyEx(rest, cv2.MORPH_OPEN, disk)
    thick = np.bitwise_and(cv2.dilate(opened, np.ones((3, 3), np.uint8)), rest)
    near = cv2.dilate(main.astype(np.uint8), disk) > 0
    whole = main.copy()
    for window, part in _touching(rest & ~thick, near):
        whole[window] |= part
    for window, part in _touching(thick, near):
        rim = np.logical_and(cv2.dilate(part.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0, ~part)
        if whole[window][rim].mean() > 0.6:
            whole[window] |= part
    return whole


def _touching(mask: np.ndarray, place: np.ndarray) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """The connected parts of an (H, W) uint8 mask that meet `place`, each with the window it lies in."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    for label in np.unique(labels[place & (mask > 0)]):
        x, y, w, h = (int(v) for v in stats[label, :4])
        window = (slice(max(0, y - 3), y + h + 3), slice(max(0, x - 3), x + w + 3))
        yield window, labels[window] == label


def _clusters(changed: np.ndarray) -> list[np.ndarray]:
    """Changed pixels grouped by things: a reworked animal changes in many pieces that lie close together."""
    density = cv2.GaussianBlur(changed.astype(np.float32), (0, 0), CLUSTER * max(changed.shape))
    return _largest((density > CLUSTER_DENSITY) | _joined(changed), changed)


def _parts(mask: np.ndarray) -> list[np.ndarray]:
    """Connected parts, those in reach of each other taken as one."""
    return _largest(_joined(mask), mask)


def _joined(mask: np.ndarray) -> np.ndarray:
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, _disk(mask, SLIVER)) > 0


def _largest(joined: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
    """What of `mask` lies in each connected part of `joined`, without the tiny ones."""
    _, labels = cv2.connectedComponents(joined.astype(np.uint8), connectivity=8)
    area = np.bincount(labels[mask], minlength=1)
    area[0] = 0
    order = np.argsort(-area)[:MAX_PARTS]
    return [(labels == label) & mask for label in order if area[label] > MIN_PART * mask.size]


def _cleaned(mask: np.ndarray) -> np.ndarray:
    """Without specks."""
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0


def _disk(mask: np.ndarray, share: float) -> np.ndarray:
    radius = max(1, round(share * max(mask.shape)))
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
