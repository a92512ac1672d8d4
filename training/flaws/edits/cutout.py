"""How is a thing cut out of one photograph and set into another?"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from training.flaws.edits.palette import color_word
from training.flaws.edits.pixels import blend, box_of, mean_lab, solidity, visible
from training.flaws.lab import from_lab, to_lab
from training.flaws.scene import Random, Scene

MIN_SHARE, MAX_SHARE = 0.02, 0.2  # of the frame that a pasted thing fills
MIN_VISIBLE = 14.0  # mean absolute difference, of 255: a thing that hides in its place is no truth
MAX_ENLARGED = 1.7  # beyond it, a cut-out is visibly softer than its new surroundings
TRIES = 24


@dataclass(frozen=True)
class Cutout:
    """A thing cut out of a photograph."""

    name: str
    color: str | None
    pixels: np.ndarray
    """(h, w, 3) uint8."""
    mask: np.ndarray
    """(h, w) uint8, 0 or 255."""
    foot: float
    """Where its lower edge was in its photograph, 0 top, 1 bottom."""
    cropped_below: bool
    """Whether the lower frame edge cut it off; it can only stand at a lower edge again."""
    share: float
    """Of its photograph."""


@dataclass(frozen=True)
class Spot:
    """Where a cut-out goes: its box within the frame."""

    x: int
    y: int
    width: int
    height: int


def cutouts(scene: Scene, rng: Random, most: int = 4) -> list[Cutout]:
    """Things of a photograph that can stand elsewhere, in random order, the named first."""
    found = []
    order = rng.permutation(len(scene.segments))
    named_first = sorted(order, key=lambda i: scene.segments[i].name == "area")
    for i in named_first:
        segment = scene.segments[i]
        if segment.is_thing and len(found) < most and 0.008 <= segment.mask.mean() <= 0.45:
            cutout = _cut(scene, segment.name, segment.mask)
            if cutout is not None:
                found.append(cutout)
    return found


def _cut(scene: Scene, name: str, mask: np.ndarray) -> Cutout | None:
    height = mask.shape[0]
    x0, y0, x1, y1 = box_of(mask)
    # A frame edge that runs through a thing would show as a straight cut in its new place.
    sides = (mask[0].mean(), mask[:, 0].mean(), mask[:, -1].mean())
    if max(sides) > 0.02 or min(x1 - x0, y1 - y0) < 16:
        return None
    crop = mask[y0:y1, x0:x1].astype(np.uint8) * 255
    if crop.mean() < 0.3 * 255 or solidity(crop) < 0.68:  # half-hidden things show whose shape hid them
        return None
    core = cv2.erode(crop, np.ones((3, 3), np.uint8), borderValue=0)
    return Cutout(
        name=name,
        color=color_word(scene.picture, mask),
        pixels=scene.picture[y0:y1, x0:x1],
        mask=core,
        foot=y1 / height,
        cropped_below=bool(mask[-1].mean() > 0.02),
        share=float(mask.mean()),
    )


def turned(cutout: Cutout, rng: Random) -> Cutout:
    """The cut-out, every second one mirrored."""
    if rng.random() < 0.5:
        return cutout
    return replace(cutout, pixels=cutout.pixels[:, ::-1].copy(), mask=cutout.mask[:, ::-1].copy())


def spot_for(scene: Scene, cutout: Cutout, rng: Random) -> Spot | None:
    """A place at about the height where the thing stood, that hides no small thing of the scene."""
    frame_h, frame_w = scene.picture.shape[:2]
    full = cv2.integral(_occupied(scene))
    for _ in range(TRIES):
        share = float(np.clip(cutout.share * rng.uniform(0.5, 1.3), MIN_SHARE * 1.15, MAX_SHARE * 0.95))
        size = _size(cutout, share * frame_h * frame_w)
        if size is None or size[0] > 0.85 * frame_w or size[1] > 0.85 * frame_h:
            continue
        foot = 1.0 if cutout.cropped_below else min(0.98, cutout.foot + rng.uniform(-0.1, 0.1))
        y = round(foot * frame_h) - size[1]
        x = int(rng.integers(0, frame_w - size[0] + 1))
        if y < 0:
            continue
        hidden = full[y + size[1], x + size[0]] - full[y, x + size[0]] - full[y + size[1], x] + full[y, x]
        if hidden / (size[0] * size[1]) < 0.25:
            return Spot(x, y, *size)
    return None


def spot_like(taken: np.ndarray, cutout: Cutout, rng: Random, share: float | None = None) -> Spot | None:
    """A place for the cut-out where another thing stands: the same foot, the same middle, a similar size."""
    frame_h, frame_w = taken.shape
    x0, _, x1, y1 = box_of(taken)
    size = _size(cutout, float(taken.sum()) * (share or rng.uniform(0.85, 1.2)))
    if size is None or size[0] > frame_w or size[1] > frame_h:
        return None
    if cutout.cropped_below and y1 < frame_h:
        return None
    x = int(np.clip((x0 + x1 - size[0]) // 2, 0, frame_w - size[0]))
    return Spot(x, max(0, y1 - size[1]), *size)


def pasted(
    picture: np.ndarray, cutout: Cutout, spot: Spot, *, shadow: float = 0.0, within: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray] | None:
    """The picture with the thing in it, and the (H, W) bool thing; None where it would not be seen.

    `shadow` in 0..1 darkens the ground at its foot; `within` is where pixels may change at all.
    """
    result = picture.copy()
    if shadow and not cutout.cropped_below:
        result = _with_shadow(result, spot, shadow)
    y, x = slice(spot.y, spot.y + spot.height), slice(spot.x, spot.x + spot.width)
    shrinks = cutout.mask.shape[0] > spot.height
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    pixels = cv2.resize(cutout.pixels, (spot.width, spot.height), interpolation=way)
    alpha = cv2.resize(cutout.mask, (spot.width, spot.height), interpolation=cv2.INTER_AREA if shrinks else 1)
    weight = cv2.GaussianBlur(alpha.astype(np.float32) / 255, (0, 0), 0.6, borderType=cv2.BORDER_REPLICATE)
    weight[weight < 0.02] = 0
    if within is not None:
        weight = weight * within[y, x]
    core = weight > 0.5
    if core.sum() < 40:
        return None
    fitted = _harmonised(pixels, core, picture[_around(spot, picture.shape)])
    result[y, x] = blend(result[y, x], fitted, weight)
    content = np.zeros(picture.shape[:2], bool)
    content[y, x] = core
    return (result, content) if visible(picture, result, content) >= MIN_VISIBLE else None


def _size(cutout: Cutout, area: float) -> tuple[int, int] | None:
    """Width and height at which the thing fills so many pixels."""
    scale = float(np.sqrt(area / max(1.0, float((cutout.mask > 0).sum()))))
    if scale > MAX_ENLARGED:
        return None
    return max(8, round(cutout.mask.shape[1] * scale)), max(8, round(cutout.mask.shape[0] * scale))


def _occupied(scene: Scene) -> np.ndarray:
    """(H, W) uint8, 1 where a small thing is; what fills the frame is a ground to stand on."""
    occupied = np.zeros(scene.picture.shape[:2], np.uint8)
    for segment in scene.segments:
        if segment.is_thing and segment.mask.mean() < 0.2:
            occupied |= segment.mask.view(np.uint8)
    return occupied


def _around(spot: Spot, shape: tuple[int, ...]) -> tuple[slice, slice]:
    margin = max(spot.width, spot.height) // 3
    return (
        slice(max(0, spot.y - margin), min(shape[0], spot.y + spot.height + margin)),
        slice(max(0, spot.x - margin), min(shape[1], spot.x + spot.width + margin)),
    )


def _harmonised(pixels: np.ndarray, core: np.ndarray, surroundings: np.ndarray) -> np.ndarray:
    """The thing in the light of its new place, without losing its own colour."""
    lab = to_lab(pixels)
    own = lab[core].mean(axis=0)
    place = mean_lab(surroundings, np.ones(surroundings.shape[:2], bool))
    gap = place - own
    shift = gap * np.array([0.45, 0.3, 0.3]) * np.minimum(1, 32 / (np.abs(gap) + 1e-3))
    spread = float(to_lab(surroundings[::3, ::3])[..., 0].std()) / (float(lab[..., 0][core].std()) + 1e-3)
    gain = float(np.clip(spread**0.3, 0.75, 1.2))  # haze and flat light leave less contrast to things too
    lab[..., 0] = own[0] + (lab[..., 0] - own[0]) * gain
    return from_lab(lab + shift.astype(np.float32))


def _with_shadow(picture: np.ndarray, spot: Spot, strength: float) -> np.ndarray:
    height, width = picture.shape[:2]
    reach = max(2.0, spot.width * 0.5)
    flat = max(2.0, min(spot.height, spot.width) * 0.1)
    foot = spot.y + spot.height
    y0, y1 = max(0, foot - int(2.2 * flat)), min(height, foot + int(1.6 * flat))
    x0, x1 = max(0, spot.x - 4), min(width, spot.x + spot.width + 4)
    yy = (np.arange(y0, y1, dtype=np.float32)[:, None] - (foot - 0.4 * flat)) / flat
    xx = (np.arange(x0, x1, dtype=np.float32)[None] - (spot.x + spot.width / 2)) / reach
    dark = 0.55 * strength * np.clip(1 - (xx * xx + yy * yy), 0, 1)
    picture[y0:y1, x0:x1] = np.rint(picture[y0:y1, x0:x1] * (1 - dark[..., None])).astype(np.uint8)
    return picture
