"""What do editors do to a whole frame that is no flaw? They re-encode, resample and shift it."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from training.flaws.scene import Random

JPEG_QUALITY = (97, 75)  # at amount 0 and 1
WEBP_QUALITY = (95, 70)
SMALLER = (0.97, 0.72)  # scale of the detour through a smaller frame
TEXTURE = (0.6, 3.0)  # deviation of the redrawn fine detail where there is much of it, of 255
MAX_TONE = 2.0  # of 255
MAX_SUBPIXEL = 0.7
MULTIPLES = (8, 16, 32)  # frame sizes that editors round to
UNMOVED = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


@dataclass(frozen=True)
class Rendered:
    """A frame as an editor gives it back."""

    picture: np.ndarray
    """(H, W, 3) uint8, of the size that was given."""
    matrix: np.ndarray
    """(2, 3) float32: from a pixel (x, y) of this picture to the pixel of the given one that it shows."""
    description: str
    """What was done, in a few words; empty for nothing."""

    def moved(self, mask: np.ndarray) -> np.ndarray:
        """(H, W) bool: a mask of the given picture, on this one."""
        if np.array_equal(self.matrix, UNMOVED):
            return mask
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(mask.astype(np.uint8), self.matrix, mask.shape[::-1], flags=flags) > 0


Rendering = Callable[[np.ndarray, Random, float], Rendered]
"""(picture (H, W, 3) uint8, random, amount in 0..1) -> the same scene, rendered again."""


def _between(span: tuple[float, float], amount: float) -> float:
    return span[0] + (span[1] - span[0]) * amount


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def untouched(picture: np.ndarray, _rng: Random, _amount: float) -> Rendered:
    """Nothing at all."""
    return Rendered(picture, UNMOVED, "")


def _coded(picture: np.ndarray, extension: str, flag: int, quality: int) -> np.ndarray:
    written, code = cv2.imencode(extension, picture[..., ::-1], [flag, quality])
    if not written:
        raise RuntimeError(f"the codec for {extension} refused a picture of {picture.shape}")
    decoded = cv2.imdecode(code, cv2.IMREAD_COLOR)
    if decoded is None:
        raise RuntimeError(f"the codec for {extension} cannot read what it wrote")
    return np.ascontiguousarray(decoded[..., ::-1])


def jpeg(picture: np.ndarray, rng: Random, amount: float) -> Rendered:
    """Saved as JPEG."""
    quality = round(_between(JPEG_QUALITY, amount) + rng.uniform(-2, 0))
    return Rendered(
        _coded(picture, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality), UNMOVED, f"JPEG quality {quality}"
    )


def webp(picture: np.ndarray, rng: Random, amount: float) -> Rendered:
    """Saved as WebP."""
    quality = round(_between(WEBP_QUALITY, amount) + rng.uniform(-2, 0))
    return Rendered(
        _coded(picture, ".webp", cv2.IMWRITE_WEBP_QUALITY, quality), UNMOVED, f"WebP quality {quality}"
    )


def resampled(picture: np.ndarray, rng: Random, amount: float) -> Rendered:
    """Worked on at a smaller size."""
    height, width = picture.shape[:2]
    factor = _between(SMALLER, amount) * rng.uniform(0.98, 1.0)
    size = max(8, round(width * factor)), max(8, round(height * factor))
    down, up = (int(way) for way in rng.choice([cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4], 2))
    up = cv2.INTER_CUBIC if up == cv2.INTER_AREA else up
    small = cv2.resize(picture, size, interpolation=down)
    return Rendered(
        cv2.resize(small, (width, height), interpolation=up), UNMOVED, f"resampled through {factor:.2f}"
    )


def autoencoded(picture: np.ndarray, rng: Random, amount: float) -> Rendered:
    """Decoded from a latent: fine detail is redrawn about as strongly, not pixel for pixel."""
    size = (picture.shape[1], picture.shape[0])
    values = picture.astype(np.float32)
    fine = values - cv2.GaussianBlur(values, (0, 0), 1.4)
    energy = cv2.GaussianBlur(np.abs(fine).mean(axis=2), (0, 0), 3)
    noise = rng.standard_normal((size[1], size[0])).astype(np.float32)
    band = cv2.GaussianBlur(noise, (0, 0), 0.8) - cv2.GaussianBlur(noise, (0, 0), 2.0)
    band /= band.std() + 1e-6
    strength = _between(TEXTURE, amount) * np.clip(energy / 8, 0.05, 1.2)
    softened = values - fine * _between((0.05, 0.3), amount)
    return Rendered(_bytes(softened + (band * strength)[..., None]), UNMOVED, "decoded from a latent")


def _placed(picture: np.ndarray, matrix: np.ndarray, description: str) -> Rendered:
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (picture.shape[1], picture.shape[0])
    moved = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return Rendered(moved, matrix.astype(np.float32), description)


def nudged(picture: np.ndarray, rng: Random, amount: float) -> Rendered:
    """Shifted by less than a pixel."""
    far, angle = MAX_SUBPIXEL * (0.2 + 0.8 * amount), rng.uniform(0, 2 * np.pi)
    dx, dy = far * np.cos(angle), far * np.sin(angle)
    return _placed(picture, np.array([[1, 0, dx], [0, 1, dy]], np.float32), f"shifted by {far:.2f} px")


def rounded(picture: np.ndarray, rng: Random, amount: float) -> Rendered:
    """Brought to a size the editor can work with, by cropping or stretching, and back."""
    height, width = picture.shape[:2]
    step = MULTIPLES[min(len(MULTIPLES) - 1, int(amount * len(MULTIPLES)))]
    # A side that already fits loses a few pixels all the same: editors also round twice.
    lost_x = width % step or int(rng.integers(0, step // 4 + 1))
    lost_y = height % step or int(rng.integers(0, step // 4 + 1))
    lost_x, lost_y = min(lost_x, width // 20), min(lost_y, height // 20)
    if rng.random() < 0.5:  # cropped, then enlarged to the old size
        left, top = rng.integers(0, lost_x + 1), rng.integers(0, lost_y + 1)
        zoom_x, zoom_y = (width - lost_x) / width, (height - lost_y) / height
        matrix = np.array([[zoom_x, 0, left], [0, zoom_y, top]], np.float32)
        return _placed(picture, matrix, f"cropped by {lost_x} x {lost_y} px and enlarged")
    dx, dy = rng.integers(-lost_x // 2, lost_x // 2 + 1), rng.integers(-lost_y // 2, lost_y // 2 + 1)
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return _placed(picture, matrix, f"shifted by {dx}, {dy} px")


def toned(picture: np.ndarray, rng: Random, amount: float) -> Rendered:
    """A colour shift that nobody sees."""
    shift = rng.uniform(-MAX_TONE, MAX_TONE, 3) * (0.3 + 0.7 * amount)
    return Rendered(_bytes(picture + shift.astype(np.float32)), UNMOVED, "tone off by at most 2 levels")


def sharpened(picture: np.ndarray, rng: Random, amount: float) -> Rendered:
    """Mildly sharpened."""
    gain = _between((0.1, 0.5), amount) * rng.uniform(0.8, 1.0)
    values = picture.astype(np.float32)
    return Rendered(
        _bytes(values + gain * (values - cv2.GaussianBlur(values, (0, 0), 1.2))), UNMOVED, "sharpened mildly"
    )


RENDERINGS: dict[str, Rendering] = {
    "untouched": untouched,
    "jpeg": jpeg,
    "webp": webp,
    "resampled": resampled,
    "autoencoded": autoencoded,
    "nudged": nudged,
    "rounded": rounded,
    "toned": toned,
    "sharpened": sharpened,
}
"""Each by its name, in no particular order."""

UNTOUCHED_SHARE = 0.12
# In the order of an editor: frame, latent, tone, file. Each with its chance.
_CHAIN: tuple[tuple[tuple[str, ...], float], ...] = (
    (("nudged", "rounded"), 0.35),
    (("autoencoded", "resampled"), 0.55),
    (("toned",), 0.4),
    (("sharpened",), 0.15),
    (("jpeg", "webp"), 0.6),
)


def then(first: Rendered, rendering: Rendering, rng: Random, amount: float) -> Rendered:
    """One rendering after another."""
    second = rendering(first.picture, rng, amount)
    to_first = np.vstack([first.matrix, [0, 0, 1]]) @ np.vstack([second.matrix, [0, 0, 1]])
    description = ", ".join(part for part in (first.description, second.description) if part)
    return Rendered(second.picture, to_first[:2].astype(np.float32), description)


def render(picture: np.ndarray, rng: Random, amount: float) -> Rendered:
    """A frame as some editor would give it back; now and then exactly as it was, at amount 0 always."""
    rendered = untouched(picture, rng, amount)
    if amount <= 0 or rng.random() < UNTOUCHED_SHARE:
        return rendered
    for names, chance in _CHAIN:
        if rng.random() < chance:
            name = names[int(rng.integers(len(names)))]
            rendered = then(rendered, RENDERINGS[name], rng, amount * rng.uniform(0.3, 1.0))
    return rendered
