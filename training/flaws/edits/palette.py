"""Which colours have names, and how does a segment take one?"""

import cv2
import numpy as np

from training.flaws.edits.pixels import blend_box, box_of, mean_lab
from training.flaws.lab import from_lab, to_lab

LOOKS = {
    "red": (46, 62, 34), "orange": (64, 68, 60), "yellow": (82, 72, 92), "green": (50, 52, 140),
    "blue": (42, 52, 280), "purple": (38, 50, 314), "pink": (70, 42, 352), "brown": (38, 30, 62),
    "turquoise": (68, 38, 190), "white": (88, 3, 90), "black": (15, 2, 270), "gray": (55, 0, 0),
}  # fmt: skip
"""Lightness, chroma and hue angle in degrees, CIELAB, of the colours that instructions name."""

ACHROMATIC = frozenset({"white", "black", "gray"})
MIN_DISTANCE = 32.0  # CIELAB; nearer colours could be taken for the same one in another light


def recolored(picture: np.ndarray, mask: np.ndarray, color: str) -> np.ndarray:
    """The segment in the named colour, its light and shade kept."""
    box = box_of(mask, margin=3)
    x0, y0, x1, y1 = box
    lab, inside = to_lab(picture[y0:y1, x0:x1]), mask[y0:y1, x0:x1]
    _, chroma_new, hue = LOOKS[color]
    light = lab[..., 0]
    mean = float(light[inside].mean())
    gain = 0.75 if color in ACHROMATIC else 0.95
    shaded = _expected_light(mean, color) + (light - mean) * gain
    chroma = cv2.magnitude(lab[..., 1], lab[..., 2])
    # Colour fades in glints and deep shade, and faintly follows the old saturation, as on a dyed thing.
    vivid = np.clip(0.75 + 0.25 * chroma / (float(chroma[inside].mean()) + 4), 0.75, 1.2)
    faded = np.clip((100 - shaded) / 18, 0, 1) * np.clip(shaded / 14, 0.15, 1)
    taken = chroma_new * vivid * faded
    angle = np.radians(hue)
    new = np.dstack([np.clip(shaded, 0, 100), taken * np.cos(angle), taken * np.sin(angle)])
    return blend_box(picture, from_lab(new), mask, box)


def far_colors(picture: np.ndarray, mask: np.ndarray, unlike: tuple[str, ...] = ()) -> list[str]:
    """The named colours that a segment would visibly turn into, far also from the colours in `unlike`."""
    mean = mean_lab(picture, mask)
    taken = [_as_lab(color, float(mean[0])) for color in unlike]
    far = []
    for color in LOOKS:
        new = _as_lab(color, float(mean[0]))
        if all(np.linalg.norm(new - old) > MIN_DISTANCE for old in [mean, *taken]):
            far.append(color)
    return far


def color_word(picture: np.ndarray, mask: np.ndarray) -> str | None:
    """The adjective for the mean colour of a segment; None where people would disagree."""
    light, a, b = mean_lab(picture, mask)
    chroma, hue = float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)) % 360)
    if light < 20 and chroma < 14:
        return "black"
    if chroma < 9:
        return "white" if light > 78 else "gray" if 30 < light < 68 else None
    if chroma < 14:
        return None
    if 30 <= hue < 88 and (light < 55 or chroma < 28):
        # Yellow and orange things in shade measure like brown ones, so the vivid ones are called nothing.
        return "brown" if light < 68 and not (light > 40 and chroma > 32) else None
    bounds = ((18, "pink"), (48, "red"), (76, "orange"), (106, "yellow"), (172, "green"), (225, "turquoise"),
              (296, "blue"), (335, "purple"), (361, "pink"))  # fmt: skip
    word = next(word for bound, word in bounds if hue < bound)
    return "red" if word == "pink" and light < 50 else word


def _expected_light(mean: float, color: str) -> float:
    pull = 0.85 if color in ACHROMATIC else 0.45
    return mean + pull * (LOOKS[color][0] - mean)


def _as_lab(color: str, mean_light: float) -> np.ndarray:
    _, chroma, hue = LOOKS[color]
    angle = np.radians(hue)
    return np.array([_expected_light(mean_light, color), chroma * np.cos(angle), chroma * np.sin(angle)])
