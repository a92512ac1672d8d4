"""How does the word on a sign change?"""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from editrefiner.contracts import EditKind
from training.flaws import wording
from training.flaws.edits.pixels import bystanders, differs, extent, visible
from training.flaws.scene import IdealEdit, Random, Scene

WORDS = (
    "OPEN",
    "CLOSED",
    "SALE",
    "STOP",
    "EXIT",
    "CAFE",
    "HOTEL",
    "BAKERY",
    "Welcome",
    "Hello",
    "Market",
    "Museum",
    "Garden",
    "School",
    "Station",
    "Library",
    "Coffee",
    "Summer",
    "Winter",
    "London",
    "Paris",
    "Tokyo",
    "Berlin",
    "PARKING",
    "TICKETS",
    "Fresh Fish",
    "No Entry",
    "Best Price",
    "Room 12",
    "Gate 7",
    "1984",
    "2025",
    "Music",
    "FREE",
    "HAPPY",
    "Dream",
    "Pizza",
    "Books",
    "Flowers",
    "Ocean",
    "River",
    "Danger",
    "Private",
    "Keep Out",
)
INKS = (
    ((245, 245, 240), (25, 25, 30)), ((30, 32, 36), (240, 238, 230)), ((180, 30, 35), (250, 248, 245)),
    ((20, 70, 140), (250, 250, 250)), ((25, 95, 60), (248, 248, 240)), ((240, 200, 40), (30, 25, 20)),
    ((120, 80, 50), (245, 230, 200)),
)  # fmt: skip
"""Colours of plates and of the words on them."""


@dataclass(frozen=True)
class Plate:
    """A sign without its word: where it hangs and how it looks."""

    ground: tuple[int, int, int]
    ink: tuple[int, int, int]
    size: tuple[int, int]
    """Width and height, px."""
    move: np.ndarray
    """(2, 3) float: from the plate to the frame."""
    light: float
    has_board: bool
    """False for words printed straight onto the picture."""


def text(scene: Scene, other: Scene, rng: Random) -> IdealEdit | None:  # noqa: ARG001 — all makers are called alike
    """A sign in the picture says another word."""
    if min(scene.picture.shape[:2]) < 48:
        return None
    old, new = (str(word) for word in rng.choice(np.array(WORDS), 2, replace=False))
    plate = _plate(scene.picture, rng)
    source, old_box = _written(scene.picture, plate, old)
    ideal, new_box = _written(scene.picture, plate, new)
    words = old_box | new_box
    if visible(source, ideal, words) < 4:
        return None
    intended = extent(source, ideal, words, margin=2)
    return IdealEdit(
        source=source,
        ideal=ideal,
        instruction=wording.say(wording.TEXT, rng, old=old, new=new),
        kind=EditKind.TEXT,
        intended=intended,
        target=f'text "{old}"',
        content=new_box,
        bystanders=bystanders(scene.segments, intended | differs(source, scene.picture)),
        wrong=partial(_wrong_word, scene.picture, source, plate, old, new, intended),
    )


def _plate(picture: np.ndarray, rng: Random) -> Plate:
    height, width = picture.shape[:2]
    wide = round(rng.uniform(0.26, 0.5) * width)
    high = max(14, round(min(wide * rng.uniform(0.28, 0.42), 0.3 * height)))
    x, y = rng.uniform(0.03 * width, 0.97 * width - wide), rng.uniform(0.06 * height, 0.94 * height - high)
    angle, shear = np.radians(rng.uniform(-5, 5)), rng.uniform(-0.08, 0.08)
    move = np.array(
        [[np.cos(angle), shear - np.sin(angle), x], [np.sin(angle), np.cos(angle), y]], np.float64
    )
    ground, ink = INKS[int(rng.integers(len(INKS)))]
    light = float(np.clip(0.55 + picture.mean() / 255 * 0.8, 0.6, 1.05))
    has_board = bool(rng.random() < 0.8)
    if not has_board:
        patch = picture[int(y) : int(y) + high, int(x) : int(x) + wide]
        ink = (245, 245, 245) if patch.mean() < 120 else (20, 20, 25)
    return Plate(ground, ink, (wide, high), move, light, has_board)


def _written(picture: np.ndarray, plate: Plate, word: str) -> tuple[np.ndarray, np.ndarray]:
    """The picture with the sign on it, and the (H, W) bool box of its word."""
    board, letters = _board(plate), _letters(plate, word)
    box = np.zeros_like(letters)
    columns, rows = np.flatnonzero(letters.any(axis=0)), np.flatnonzero(letters.any(axis=1))
    if len(columns):
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1
    ink = (letters.astype(np.float32) / 255)[..., None]
    face = board[..., :3] * (1 - ink) + np.array(plate.ink, np.float32) * plate.light * ink
    size = (picture.shape[1], picture.shape[0])
    moved = cv2.warpAffine(face, plate.move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = board[..., 3] if plate.has_board else ink[..., 0]
    alpha = cv2.warpAffine(cover, plate.move, size, flags=cv2.INTER_LINEAR)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.6)[..., None]
    alpha[alpha < 0.02] = 0
    result = np.rint(np.clip(picture * (1 - alpha) + moved * alpha, 0, 255)).astype(np.uint8)
    where = cv2.warpAffine(box, plate.move, size, flags=cv2.INTER_NEAREST)
    return result, where > 0


def _board(plate: Plate) -> np.ndarray:
    """(h, w, 4) float32: the empty plate with a rim, lit from above, and its opacity."""
    wide, high = plate.size
    board = np.empty((high, wide, 4), np.float32)
    light = np.linspace(1.06, 0.9, high, dtype=np.float32)[:, None, None] * plate.light
    board[..., :3] = np.array(plate.ground, np.float32) * light
    board[..., 3] = 1
    rim = max(1, high // 18)
    frame = np.ones((high, wide), bool)
    frame[2 * rim : -2 * rim, 2 * rim : -2 * rim] = False
    frame[:rim], frame[-rim:], frame[:, :rim], frame[:, -rim:] = False, False, False, False
    board[frame, :3] = np.array(plate.ink, np.float32) * plate.light
    return board


def _letters(plate: Plate, word: str) -> np.ndarray:
    """(h, w) uint8: how much ink is where."""
    wide, high = plate.size
    canvas = Image.new("L", (wide, high))
    draw = ImageDraw.Draw(canvas)
    size = high * 0.62
    stretch = draw.textlength(word, font=ImageFont.load_default(size)) / (0.84 * wide)
    font = ImageFont.load_default(max(7.0, size / max(1.0, stretch)))
    bold = max(0, round(high / 45))
    draw.text((wide / 2, high / 2), word, fill=255, font=font, anchor="mm", stroke_width=bold)
    return np.array(canvas)


def _wrong_word(
    clean: np.ndarray,
    source: np.ndarray,
    plate: Plate,
    old: str,
    new: str,
    intended: np.ndarray,
    rng: Random,
) -> tuple[np.ndarray, str] | None:
    others = [w for w in WORDS if w not in (old, new) and len(w) <= max(len(new), len(old))]
    word = misspelt(new, rng) if rng.random() < 0.6 or not others else str(rng.choice(np.array(others)))
    written, _ = _written(clean, plate, word)
    result = np.where(intended[..., None], written, source)
    return (result, f'saying "{word}" instead of "{new}"') if word != new else None


def misspelt(word: str, rng: Random) -> str:
    """The word with two letters swapped or one lost, so no wider; itself where it has one letter only."""
    if len(word) < 2:
        return word
    i = int(rng.integers(len(word) - 1))
    swapped = word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    ways = [w for w in (swapped, word[: i + 1] + word[i + 2 :]) if w != word]
    return str(rng.choice(np.array(ways)))
