"""How do stray pixels come in? Grain, color blotches, specks, JPEG blocks, bands and coarse speckle."""

from functools import partial

import cv2
import numpy as np

from editrefiner.contracts import FlawType
from training.flaws.artifacts.brush import Layer, Patch, over_area
from training.flaws.places import smooth_noise
from training.flaws.scene import Random


def _grain(patch: Patch, strength: float, random: Random) -> Layer:
    spread = 6 + 32 * strength
    noise = random.standard_normal(patch.pixels.shape, np.float32)
    if random.random() < 0.4:
        noise = np.repeat(noise[..., :1], 3, axis=2)
    return patch.pixels + spread * noise, patch.alpha


def _chroma(patch: Patch, strength: float, random: Random) -> Layer:
    """Red, green and blue blotches with the brightness left alone."""
    shape, width = patch.alpha.shape, random.uniform(2.5, 9)
    noise = np.stack([smooth_noise(shape, width, random) for _ in range(3)], axis=2)
    noise -= noise.mean(axis=2, keepdims=True)
    return patch.pixels + (9 + 30 * strength) * noise, patch.alpha


def _specks(patch: Patch, strength: float, random: Random) -> Layer:
    density = 0.05 + 0.16 * strength
    chance = random.random(patch.alpha.shape)
    pixels = patch.pixels.copy()
    if random.random() < 0.5:
        pixels[chance < density] = 245
        pixels[chance > 1 - density] = 12
    else:
        struck = chance < 1.5 * density
        pixels[struck] = random.uniform(0, 255, (int(struck.sum()), 3))
    softness = random.uniform(0.3, 0.7)  # an editor's decoder never leaves single perfect pixels
    return cv2.GaussianBlur(pixels, (0, 0), softness), np.sqrt(patch.alpha)


def _blocks(patch: Patch, strength: float, _: Random) -> Layer | None:
    quality = round(17 - 14 * strength)
    done, code = cv2.imencode(".jpg", patch.pixels.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(code, cv2.IMREAD_COLOR) if done else None
    return None if decoded is None else (decoded.astype(np.float32), np.minimum(2 * patch.alpha, 1))


def _bands(patch: Patch, strength: float, random: Random) -> Layer:
    """Stripes of a sensor read-out: rows or columns brighter and darker than they should be."""
    along = int(random.integers(0, 2))
    lines = random.standard_normal(patch.alpha.shape[along]).astype(np.float32)
    lines = cv2.GaussianBlur(lines[None], (0, 0), random.uniform(0.6, 1.6))[0]
    lines *= (5 + 20 * strength) / (lines.std() + 1e-6)
    field = lines[:, None] if along == 0 else lines[None, :]
    return patch.pixels + field[..., None] * random.uniform(0.7, 1.2, 3), patch.alpha


def _speckle(patch: Patch, strength: float, random: Random) -> Layer:
    """Multiplied, clumped noise, as a half denoised latent decodes."""
    field = smooth_noise(patch.alpha.shape, random.uniform(1.3, 2.6), random)
    clumps = 0.6 + 0.4 * smooth_noise(patch.alpha.shape, max(6.0, patch.size / 5), random)
    gain = (0.09 + 0.3 * strength) * field * np.clip(clumps, 0.25, 1.6)
    base = np.maximum(patch.pixels, 60)
    return patch.pixels + gain[..., None] * base, patch.alpha


_of = partial(over_area, FlawType.NOISE)

GENERATORS = (
    _of(
        "grain",
        _grain,
        "strong grain covers {thing} while the rest of the picture is clean",
        "random noise is visible {where}",
    ),
    _of(
        "chroma",
        _chroma,
        "blotches of false color speckle the surface {where}",
        "color noise in red, green and blue spots lies over {thing}",
    ),
    _of(
        "specks",
        _specks,
        "stray bright and dark pixels are scattered {where}",
        "{thing} is strewn with salt-and-pepper specks",
    ),
    _of(
        "blocks",
        _blocks,
        "square compression blocks are visible {where}",
        "{thing} shows JPEG blocks and mosquito noise that its surroundings do not have",
        detail=5,
    ),
    _of(
        "bands",
        _bands,
        "parallel stripes of noise run through the picture {where}",
        "banding like that of a bad sensor crosses {thing}",
    ),
    _of(
        "speckle",
        _speckle,
        "clumpy speckle {where} looks like an unfinished denoising",
        "coarse blotchy noise roughens {thing}",
    ),
)
