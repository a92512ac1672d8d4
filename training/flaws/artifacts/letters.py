"""How does writing fail? Scrambled words, mirrored glyphs, letter-like strokes, smeared print."""

from functools import partial

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from editrefiner.contracts import FlawType
from training.flaws.artifacts.brush import Layer, Patch, over_area
from training.flaws.artifacts.warping import carried, warped
from training.flaws.places import smooth_noise
from training.flaws.scene import Random

WORDS = (
    *("COFFEE", "OPEN", "SALE", "BAKERY", "HOTEL", "MARKET", "STOP", "PARKING", "EXIT", "SUMMER", "BOOKS"),
    *("Welcome", "Fresh", "Station", "Garden", "Museum", "School", "Library", "Pizza", "Music", "Harbour"),
    *("Winter", "Bicycle", "Travel", "2024", "No.17", "Ticket", "Rent", "Taxi", "Flowers"),
)


def _box(patch: Patch, random: Random) -> tuple[int, int, int, int] | None:
    """x, y, width, height of a wide box around the middle of the area that lies on allowed ground."""
    height, width = patch.alpha.shape
    x, y = patch.middle
    aspect = random.uniform(2.2, 4)
    h = patch.size / np.sqrt(aspect) * 1.1
    while h >= 9:
        w = aspect * h
        left, top = int(x - w / 2), int(y - h / 2)
        spot = patch.allowed[max(0, top) : top + int(h), max(0, left) : left + int(w)]
        if left >= 1 and top >= 1 and left + w < width - 1 and top + h < height - 1 and spot.mean() > 0.97:
            return left, top, int(w), int(h)
        h *= 0.85
    return None


def _word(text: str, width: int, height: int) -> np.ndarray:
    """(height, width) float32 in 0..1: the text, filling the box."""
    font = ImageFont.load_default(size=48)
    x0, y0, x1, y1 = (int(v) for v in font.getbbox(text))
    page = Image.new("L", (x1 - x0 + 8, y1 - y0 + 8))
    ImageDraw.Draw(page).text((4 - x0, 4 - y0), text, fill=255, font=font, stroke_width=1)
    return cv2.resize(np.asarray(page, np.float32) / 255, (width, height), interpolation=cv2.INTER_AREA)


def _lines(random: Random, width: int, height: int) -> np.ndarray:
    """One or two lines of words."""
    count = 2 if height > 34 and random.random() < 0.5 else 1
    rows = [
        _word(" ".join(random.choice(WORDS, int(random.integers(1, 3)))), width, height // count)
        for _ in range(count)
    ]
    return np.vstack(rows)


def _scrambled(patch: Patch, strength: float, random: Random) -> Layer | None:
    """Real letters whose parts have flowed into each other."""
    box = _box(patch, random)
    if box is None:
        return None
    ink = _lines(random, box[2], box[3])
    side = max(4, int(ink.shape[0] * random.uniform(0.4, 0.7)))
    for _ in range(2 + int(5 * strength)):  # pieces of one glyph stand in another
        a, b = (int(random.integers(0, max(1, ink.shape[1] - side))) for _ in range(2))
        ink[:, a : a + side] = np.maximum(0.8 * ink[::-1, b : b + side], 0.5 * ink[:, a : a + side])
    reach = (0.04 + 0.1 * strength) * ink.shape[0] + 0.6
    dx, dy = (smooth_noise(ink.shape, max(3.0, ink.shape[0] / 4), random) * reach for _ in range(2))
    return _printed(patch, box, warped(ink, dx, dy), strength, random)


def _mirrored(patch: Patch, strength: float, random: Random) -> Layer | None:
    box = _box(patch, random)
    if box is None:
        return None
    ink = _lines(random, box[2], box[3])
    flipped = ink[:, ::-1] if random.random() < 0.7 else ink[::-1]
    echo = np.roll(flipped, int(1 + 3 * strength), axis=1)
    return _printed(patch, box, np.maximum(flipped, 0.45 * echo), strength, random)


def _strokes(patch: Patch, strength: float, random: Random) -> Layer | None:
    """Rows of signs that look like letters of no alphabet."""
    box = _box(patch, random)
    if box is None:
        return None
    _, _, width, height = box
    rows = int(random.integers(1, 4)) if height > 26 else 1
    size = height / rows
    page = np.zeros((4 * height, 4 * width), np.uint8)
    for row in range(rows):
        x = 0.1 * size
        while x < width - 0.6 * size:
            if random.random() > 0.12:
                _glyph(page, 4 * x, 4 * (row + 0.15) * size, 4 * 0.7 * size, random)
            x += size * random.uniform(0.5, 0.75)
    ink = cv2.resize(page, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return _printed(patch, box, ink, strength, random)


def _glyph(page: np.ndarray, x: float, y: float, size: float, random: Random) -> None:
    corners = random.integers(0, 3, (int(random.integers(2, 5)), 4)) / 2
    thick = max(2, int(size * random.uniform(0.1, 0.18)))
    for ax, ay, bx, by in corners:
        start = (int(x + 0.6 * size * ax), int(y + size * ay))
        end = (int(x + 0.6 * size * bx), int(y + size * by))
        if random.random() < 0.6:
            cv2.line(page, start, end, 255, thick, cv2.LINE_AA)
        else:
            axes = (max(2, int(size * 0.28)), max(2, int(size * random.uniform(0.2, 0.45))))
            middle = (int(x + 0.3 * size), int(y + 0.5 * size))
            turn = int(random.integers(0, 360))
            cv2.ellipse(
                page, middle, axes, 0, turn, turn + int(random.integers(120, 300)), 255, thick, cv2.LINE_AA
            )


def _printed(
    patch: Patch, box: tuple[int, int, int, int], ink: np.ndarray, strength: float, random: Random
) -> Layer:
    """The ink on the surface or on a plate, a little slanted and as soft as the photograph."""
    x, y, width, height = box
    here = (slice(y, y + height), slice(x, x + width))
    mean = patch.pixels[here].mean(axis=(0, 1))
    bright = mean.mean() > 125
    page = np.zeros(patch.alpha.shape, np.float32)
    page[y : y + ink.shape[0], x : x + ink.shape[1]] = ink
    pixels, show = patch.pixels, np.zeros(patch.alpha.shape, np.float32)
    if random.random() < 0.5:
        cv2.rectangle(show, (x, y), (x + width, y + height), 1.0, -1)
        shade = cv2.GaussianBlur(patch.pixels, (0, 0), 9) - mean
        plate = np.clip(mean + (35 if bright else -30) + random.normal(0, 14, 3), 10, 245)
        pixels = np.broadcast_to(plate, patch.pixels.shape) + 0.6 * shade
        show *= 0.55 + 0.45 * strength
    color = np.clip(mean + (-1 if bright else 1) * (45 + 100 * strength) + random.normal(0, 18, 3), 5, 250)
    letters = np.clip(page * (0.7 + 0.3 * strength), 0, 1)
    pixels = pixels + letters[..., None] * (color - pixels)
    show = np.maximum(show, np.minimum(1.2 * letters, 1))
    turn = cv2.getRotationMatrix2D((x + width / 2, y + height / 2), random.normal(0, 4), 0.94)
    size = (patch.alpha.shape[1], patch.alpha.shape[0])
    pixels = carried(pixels.astype(np.float32), turn)
    show = cv2.warpAffine(show, turn, size)
    return cv2.GaussianBlur(pixels, (0, 0), 0.6), cv2.GaussianBlur(show, (0, 0), 0.6)


def _shuffled(patch: Patch, strength: float, random: Random) -> Layer | None:
    """Print-like detail that was there is cut into glyph-sized cells, which are flipped and mixed."""
    box = _box(patch, random)
    if box is None:
        return None
    x, y, width, height = box
    cell = max(5, int(height * random.uniform(0.25, 0.5)))
    pixels = patch.pixels.copy()
    spots = [
        (r, c) for r in range(y, y + height - cell + 1, cell) for c in range(x, x + width - cell + 1, cell)
    ]
    chosen = [spot for spot in spots if random.random() < 0.55 + 0.45 * strength]
    if len(chosen) < 2:
        return None
    for (r, c), k in zip(chosen, random.permutation(len(chosen)), strict=True):
        tr, tc = chosen[k]
        piece = patch.pixels[tr : tr + cell, tc : tc + cell]
        pixels[r : r + cell, c : c + cell] = piece[:, ::-1] if random.random() < 0.5 else piece
    soft = cv2.GaussianBlur(pixels, (0, 0), 0.5 + strength)
    show = np.zeros(patch.alpha.shape, np.float32)
    show[y : y + height, x : x + width] = 1
    return soft, cv2.GaussianBlur(show, (0, 0), 1.5)


_of = partial(over_area, FlawType.ILLEGIBLE_TEXT, shares=(0.008, 0.08))

GENERATORS = (
    _of(
        "scrambled",
        _scrambled,
        "the lettering {where} is scrambled and cannot be read",
        "letters {where} flow into each other, no word can be made out",
    ),
    _of(
        "mirrored",
        _mirrored,
        "the writing {where} is mirrored and doubled, so it cannot be read",
        "reversed lettering appears {where}",
    ),
    _of(
        "strokes",
        _strokes,
        "the signs {where} look like writing but belong to no alphabet",
        "gibberish glyphs stand {where} in place of words",
    ),
    _of(
        "shuffled",
        _shuffled,
        "print-like detail {where} is jumbled into fragments of letters",
        "small marks {where} are mixed up as in text that a model could not spell",
        detail=9,
    ),
)
