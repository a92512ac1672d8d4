"""How does a body go wrong? Limbs stretched, bent, doubled, melted away or swollen."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.artifacts.brush import Generator, Layer, Patch, over_thing
from training.flaws.artifacts.warping import carried, warped
from training.flaws.places import bare_name
from training.flaws.scene import Random, Segment

BODIES = frozenset(
    (
        *("person", "man", "woman", "boy", "girl", "child", "people", "hand", "bird", "cat", "dog", "horse"),
        *("sheep", "cow", "elephant", "bear", "zebra", "giraffe", "animal", "lion", "tiger", "wolf", "fox"),
        *("deer", "monkey", "rabbit", "duck", "goose", "fish", "bull", "goat", "pig", "butterfly", "parrot"),
    )
)


@dataclass(frozen=True)
class Limb:
    """A part that sticks out of a body, seen along its axis."""

    soft: np.ndarray
    """(h, w) float32 in 0..1: the limb itself."""
    base: tuple[float, float]
    """x, y where it joins the body."""
    length: float
    width: float
    along: np.ndarray
    """(h, w) float32: pixels from the base towards the tip."""
    across: np.ndarray
    """(h, w) float32: pixels to the side of the axis."""
    axis: tuple[float, float]
    """Unit vector from base to tip."""


LimbEffect = Callable[[Patch, Limb, float, Random], Layer | None]
"""(patch, one of its limbs, strength, random) -> what to lay on the patch; None where it does not fit."""


def has_a_body(segment: Segment) -> bool:
    """Living things by their name; what nobody named may have limbs too, a named teapot has none."""
    words = bare_name(segment.name).lower().split()
    return not words or words[-1] in ("area", "object") or not BODIES.isdisjoint(words)


def _limb(patch: Patch, random: Random) -> Limb | None:
    """One of the largest parts that an opening of the mask would cut off."""
    mask = (patch.alpha > 0.5).astype(np.uint8)
    thickness = float(cv2.distanceTransform(cv2.copyMakeBorder(mask, 1, 1, 1, 1, 0), cv2.DIST_L2, 3).max())
    radius = max(2, int(thickness * random.uniform(0.5, 0.75)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    body = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.subtract(mask, body), connectivity=4)
    least = max(40, 0.015 * mask.sum())
    found = [i for i in range(1, len(stats)) if least < stats[i, cv2.CC_STAT_AREA] < 0.3 * mask.sum()]
    found.sort(key=lambda i: -stats[i, cv2.CC_STAT_AREA])
    for label in random.permutation(found[:4]):
        limb = _measured(labels == label, body > 0)
        if limb is not None:
            return limb
    return None


def _measured(part: np.ndarray, body: np.ndarray) -> Limb | None:
    touching = cv2.dilate(body.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    joint = np.argwhere(part & touching)
    if not len(joint):
        return None
    y, x = joint.mean(axis=0)
    points = np.argwhere(part)
    far = np.hypot(points[:, 0] - y, points[:, 1] - x)
    tip = points[far > np.quantile(far, 0.95)].mean(axis=0)
    length = float(np.hypot(tip[0] - y, tip[1] - x))
    if length < 9:
        return None
    width = float(part.sum()) / length
    ux, uy = (tip[1] - x) / length, (tip[0] - y) / length
    rows, columns = np.indices(part.shape, dtype=np.float32)
    along = (columns - x) * ux + (rows - y) * uy
    across = (rows - y) * ux - (columns - x) * uy
    soft = cv2.GaussianBlur(part.astype(np.float32), (0, 0), 1.2)
    return Limb(soft, (x, y), length, width, along, across, (ux, uy))


def _window(limb: Limb, reach: float) -> np.ndarray:
    """(h, w) float32: 1 along the limb, 0 well beside it, so that the background bends softly."""
    beside = np.abs(limb.across) / (0.8 * limb.width + 4) / reach
    return np.exp(-(np.maximum(beside - 0.6, 0) ** 2) * 3)


def _reshaped(patch: Patch, dx: np.ndarray, dy: np.ndarray) -> Layer:
    """The whole patch displaced: the background gives way to the limb."""
    return warped(patch.pixels, dx, dy), np.ones(patch.alpha.shape, np.float32)


def _stretched(patch: Patch, limb: Limb, strength: float, _: Random) -> Layer:
    longer = 1.3 + 0.8 * strength
    end = longer * limb.length
    stop = end + 0.6 * limb.length
    beyond = limb.length + (limb.along - end) * (stop - limb.length) / (stop - end)
    source = np.where(limb.along < end, limb.along / longer, beyond)
    source = np.where((limb.along < 0) | (limb.along > stop), limb.along, source)
    pull = (source - limb.along) * _window(limb, 1)
    return _reshaped(patch, pull * limb.axis[0], pull * limb.axis[1])


def _bent(patch: Patch, limb: Limb, strength: float, random: Random) -> Layer:
    """The limb curves sideways like rubber, more towards its tip."""
    way = np.clip(limb.along / limb.length, 0, 1)
    past = np.exp(-(np.maximum(limb.along / limb.length - 1, 0) ** 2) * 8)
    side = random.choice([-1, 1]) * (0.2 + 0.5 * strength) * limb.length
    bow = np.sin(way * np.pi) if random.random() < 0.4 else way**2
    push = side * bow * past * _window(limb, 1.6)
    return _reshaped(patch, -limb.axis[1] * push, limb.axis[0] * push)


def _doubled(patch: Patch, limb: Limb, strength: float, random: Random) -> Layer:
    turn = random.choice([-1, 1]) * random.uniform(22, 55)
    matrix = cv2.getRotationMatrix2D(limb.base, turn, random.uniform(0.85, 1.1))
    size = (patch.alpha.shape[1], patch.alpha.shape[0])
    copy = carried(patch.pixels, matrix)
    show = cv2.warpAffine(limb.soft, matrix, size)
    return copy, np.clip(1.4 * show, 0, 1) * (0.5 + 0.5 * min(1, 2 * strength))


def _melted_away(patch: Patch, limb: Limb, strength: float, random: Random) -> Layer | None:
    """The outer part of the limb is gone; it ends in a soft stump."""
    kept = random.uniform(0.35, 0.6) * (1 - 0.6 * strength)
    outer = (limb.soft > 0.15) & (limb.along > kept * limb.length)
    hole = cv2.dilate(outer.astype(np.uint8), np.ones((5, 5), np.uint8))
    hole[(patch.alpha > 0.5) & (limb.soft < 0.1)] = 0
    if hole.sum() < 30:
        return None
    filled = cv2.inpaint(patch.pixels.astype(np.uint8), hole, 4, cv2.INPAINT_TELEA).astype(np.float32)
    return filled, cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 1.5)


def _swollen(patch: Patch, limb: Limb, strength: float, random: Random) -> Layer:
    middle = random.uniform(0.4, 0.8) * limb.length
    reach = max(0.45 * limb.length, 0.9 * limb.width)
    far = ((limb.along - middle) ** 2 + limb.across**2) / reach**2
    pull = -np.exp(-far) * (0.35 + 0.4 * strength)
    if random.random() < 0.3:
        pull *= -1.4  # withered instead of swollen
    dx = pull * (limb.across * -limb.axis[1])
    dy = pull * (limb.across * limb.axis[0])
    return _reshaped(patch, dx, dy)


def _of(manner: str, effect: LimbEffect, *wordings: str) -> Generator:
    def on_a_limb(patch: Patch, strength: float, random: Random) -> Layer | None:
        limb = _limb(patch, random)
        return None if limb is None else effect(patch, limb, strength, random)

    return over_thing(FlawType.ANATOMY, manner, on_a_limb, *wordings, suits=has_a_body)


GENERATORS = (
    _of(
        "stretched",
        _stretched,
        "a limb of {thing} is far too long",
        "one part of {thing} is drawn out beyond its natural proportion",
    ),
    _of(
        "bent",
        _bent,
        "a limb of {thing} bends where there is no joint",
        "one extremity of {thing} curves like rubber",
    ),
    _of(
        "doubled",
        _doubled,
        "{thing} has one limb too many",
        "an extra limb grows from {thing}",
    ),
    _of(
        "melted_away",
        _melted_away,
        "a limb of {thing} is missing, it ends in a stump",
        "one extremity of {thing} dissolves into the background",
    ),
    _of(
        "swollen",
        _swollen,
        "a limb of {thing} is swollen or withered out of proportion",
        "the thickness of one part of {thing} is anatomically impossible",
    ),
)
