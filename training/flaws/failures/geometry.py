"""What does it look like when something is not where, or not shaped as, it was?"""

import cv2
import numpy as np

from editrefiner.contracts import EditKind, FlawType
from training.flaws.failures.filling import filled
from training.flaws.failures.finishing import finished, generator, tries
from training.flaws.failures.mixing import blended, confined, seen
from training.flaws.failures.shapes import free, grown, mapped, soft
from training.flaws.failures.strength import between
from training.flaws.failures.subjects import on_bystander, on_object
from training.flaws.failures.telling import called, capital, named, said, whereabouts
from training.flaws.failures.warping import carried, displaced
from training.flaws.scene import Canvas, Painted, Random, Segment

SHIFT = (0.015, 0.045)  # of the longest side
MAX_AREA = 0.16


def _transplanted(
    canvas: Canvas, segment: np.ndarray, matrix: np.ndarray, rng: Random
) -> tuple[np.ndarray, np.ndarray] | None:
    """The picture with a segment mapped by a matrix and its old place filled in, and what visibly differs."""
    new = mapped(segment, matrix)
    if new.sum() < 0.8 * segment.sum() * abs(np.linalg.det(matrix[:, :2])):
        return None  # much of it left the frame
    background = filled(canvas.picture, segment, rng)
    picture = blended(background, carried(canvas.picture, matrix), soft(new, 1.2))
    return picture, seen(canvas.picture, picture, segment | new, level=4.0) & (segment | new)


def _change(canvas: Canvas, thing: Segment, matrix: np.ndarray, what: str, rng: Random) -> Painted | None:
    changed = _transplanted(canvas, thing.mask, matrix, rng)
    if changed is None or (changed[1] & ~grown(free(canvas), 10)).any():
        return None
    picture, mask = changed
    name = called(thing.name)
    text = said(
        rng,
        f"{capital(name)} {whereabouts(mask)} {what}, although nobody asked for that.",
        f'The instruction "{canvas.edit.instruction}" leaves {name} alone, yet it {what}.',
    )
    return finished(canvas, picture, mask, text, largest=MAX_AREA, thing=thing.mask | mask)


def _about(mask: np.ndarray, angle: float, scale: float, rng: Random) -> np.ndarray:
    """A turn (degrees) and scaling about the foot or the middle of a mask."""
    ys, xs = np.nonzero(mask)
    foot = ys.max() if rng.random() < 0.5 else ys.mean()
    return cv2.getRotationMatrix2D((float(xs.mean()), float(foot)), angle, scale)


@tries(3)
@on_bystander((0.005, 0.08), things=True)
def _moved(canvas: Canvas, thing: Segment, strength: float, rng: Random) -> Painted | None:
    """A bystander stands somewhere else."""
    far = between(strength, *SHIFT) * max(canvas.picture.shape[:2])
    angle = rng.choice([0.0, np.pi]) + rng.normal(0, 0.4)
    shift = [[1, 0, far * np.cos(angle)], [0, 1, far * np.sin(angle)]]
    way = "left" if np.cos(angle) < 0 else "right"
    return _change(canvas, thing, np.array(shift, np.float32), f"has moved to the {way}", rng)


@tries(3)
@on_bystander((0.006, 0.08), things=True)
def _scaled(canvas: Canvas, thing: Segment, strength: float, rng: Random) -> Painted | None:
    """A bystander has another size."""
    step = between(strength, 0.07, 0.3)
    factor = 1 + step if rng.random() < 0.5 else 1 / (1 + step)
    what = "has grown" if factor > 1 else "has shrunk"
    return _change(canvas, thing, _about(thing.mask, 0.0, factor, rng), what, rng)


@tries(3)
@on_bystander((0.006, 0.08), things=True)
def _rotated(canvas: Canvas, thing: Segment, strength: float, rng: Random) -> Painted | None:
    """A bystander is tilted."""
    angle = between(strength, 4, 16) * rng.choice([-1.0, 1.0])
    return _change(canvas, thing, _about(thing.mask, angle, 1.0, rng), "is tilted", rng)


@tries(4)
def _bent(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """A place of the background is bent smoothly."""
    room = free(canvas)
    if room.mean() < 0.05:
        return None
    side = max(canvas.picture.shape[:2])
    ys, xs = np.nonzero(room)
    rows, columns = np.mgrid[: room.shape[0], : room.shape[1]].astype(np.float32)
    at, radius = int(rng.integers(len(ys))), side * rng.uniform(0.07, 0.13)
    x, y = columns - xs[at], rows - ys[at]
    window = np.exp(-((np.hypot(y, x) / radius) ** 4)) * soft(room, 6)
    angle, far = rng.uniform(0, 2 * np.pi), side * between(strength, 0.012, 0.04)
    wave = window * far * np.cos(np.pi * (x * np.cos(angle) + y * np.sin(angle)) / radius)
    picture = displaced(canvas.picture, wave * np.sin(angle), -wave * np.cos(angle))
    mask = seen(canvas.picture, picture, room & (window > 0.15))
    text = said(
        rng,
        f"The background {whereabouts(mask)} is bent although the instruction does not concern it.",
        f"Shapes {whereabouts(mask)} are warped against the source; nobody asked for that.",
    )
    return finished(canvas, confined(canvas.picture, picture, mask, 4), mask, text)


def _horizon(canvas: Canvas, strength: float, rng: Random) -> Painted | None:
    """Level lines sag or rise in the middle of the frame."""
    room = free(canvas)
    height, width = room.shape
    if room.mean() < 0.2:
        return None
    gray = cv2.cvtColor(canvas.picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    steps = np.abs(np.diff(cv2.GaussianBlur(gray, (0, 0), 2), axis=0)).mean(axis=1)
    inner = slice(height // 6, 5 * height // 6)
    level = height // 6 + int(np.argmax(steps[inner]))
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None] / width
    band = np.exp(-(((rows - level) / (0.09 * height)) ** 4))
    bow = np.sin(np.pi * (columns * rng.uniform(0.9, 1.6) + rng.uniform(0, 1)))
    far = between(strength, 0.012, 0.035) * max(height, width) * rng.choice([-1, 1])
    dy = (band * bow * far * soft(room, 8)).astype(np.float32)
    picture = displaced(canvas.picture, np.zeros_like(dy), dy)
    mask = seen(canvas.picture, picture, room & (np.abs(dy) > 0.25 * abs(far)))
    text = said(
        rng,
        f"Level lines {whereabouts(mask)} are bowed against the source, which the request does not explain.",
        "The horizon line is bent, although the scene was to stay as it is.",
    )
    return finished(canvas, confined(canvas.picture, picture, mask, 4), mask, text, largest=0.25)


@tries(3)
@on_object(EditKind.RECOLOR, EditKind.MATERIAL, EditKind.REPLACE)
def _target_moved(canvas: Canvas, content: np.ndarray, strength: float, rng: Random) -> Painted | None:
    """The edited object is not where it was."""
    edit = canvas.edit
    if content.mean() > 0.12:
        return None
    far = between(strength, 0.015, 0.04) * max(content.shape)
    angle = rng.uniform(0, 2 * np.pi)
    matrix = cv2.getRotationMatrix2D((0.0, 0.0), 0.0, 1.0)
    matrix[:, 2] = far * np.cos(angle), far * np.sin(angle)
    changed = _transplanted(canvas, content, matrix, rng)
    if changed is None:
        return None
    name = named(edit.target)
    text = said(
        rng,
        f'{capital(name)} was to stay in its place ("{edit.instruction}") but has shifted.',
        f"The edit moved {name} away from where it is in the source.",
    )
    return finished(canvas, *changed, text, largest=MAX_AREA)


GENERATORS = (
    generator(FlawType.GEOMETRY_SHIFT, "moved", _moved, inside_edit=False),
    generator(FlawType.GEOMETRY_SHIFT, "scaled", _scaled, inside_edit=False),
    generator(FlawType.GEOMETRY_SHIFT, "rotated", _rotated, inside_edit=False),
    generator(FlawType.GEOMETRY_SHIFT, "bent", _bent, inside_edit=False),
    generator(FlawType.GEOMETRY_SHIFT, "horizon", _horizon, inside_edit=False),
    generator(FlawType.GEOMETRY_SHIFT, "target_moved", _target_moved),
)
