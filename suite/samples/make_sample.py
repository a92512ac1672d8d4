"""How was the sample made? Run with scikit-image installed: `python -m suite.samples.make_sample [DIR]`.

The photograph is `skimage.data.coffee` (CC0). The edit does what its instruction asks, a blue cup and saucer,
and carries three flaws of the kind that text-guided editors leave behind: the end of the spoon is gone, one
piece of the table is smeared, and another has turned greenish.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from cv2.typing import MatLike

Pixels = MatLike  # (H, W, 3) uint8 BGR
Weight = MatLike  # (H, W) float32 in [0, 1]

JPEG_QUALITY = 95

SAUCER = ((278.4, 222.3), (337.5, 406.5), 97.6)  # centre, axes, angle: fitted to its rim by hand
CUP_RIM = ((290.0, 113.0), (232.0, 187.5), 5.0)
SPOON_BOWL = ((366.0, 286.0), (78.0, 78.0), 0.0)
SPOON_HANDLE = np.array(
    [(394, 66), (426, 66), (424, 90), (410, 130), (386, 212), (382, 245), (368, 245), (376, 212), (404, 120)],
    np.int32,
)
BLUE_HUE = 108  # OpenCV degrees / 2


def main() -> None:
    """Write source.jpg and edited.jpg."""
    from skimage import data  # noqa: PLC0415 — a tool of the developer, not of the suite

    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    source = np.ascontiguousarray(data.coffee()[..., ::-1])
    for name, pixels in (("source.jpg", source), ("edited.jpg", edit(source))):
        cv2.imwrite(str(folder / name), pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def edit(source: Pixels) -> Pixels:
    """The edit as a text-guided editor might return it."""
    asked = _recolored(source)
    without_spoon_end = _copied_along_grain(asked, (388, 58, 434, 112), shift=(46, -20))
    smeared = _smeared(without_spoon_end, (492, 196, 588, 284))
    return _tinted(smeared, centre=(38, 232), radius=44)


def _recolored(pixels: Pixels) -> Pixels:
    weight = _soft(_ellipse(pixels, SAUCER) * (1 - _ellipse(pixels, CUP_RIM)) * (1 - _spoon(pixels)), 1.0)
    hsv = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV)
    paint = np.clip((hsv[..., 1].astype(np.float32) - 60) / 60, 0, 1)  # highlights keep their colour
    blue = hsv.copy()
    blue[..., 0] = BLUE_HUE
    blue[..., 1] = (hsv[..., 1] * 0.82).astype(np.uint8)
    return _blended(pixels, cv2.cvtColor(blue, cv2.COLOR_HSV2BGR), weight * paint)


def _copied_along_grain(pixels: Pixels, box: tuple[int, int, int, int], shift: tuple[int, int]) -> Pixels:
    """The end of the spoon replaced by table from further along the grain."""
    x0, y0, x1, y1 = box
    dx, dy = shift
    moved = pixels.copy()
    moved[y0:y1, x0:x1] = pixels[y0 + dy : y1 + dy, x0 + dx : x1 + dx]
    outside_cup = (1 - _ellipse(pixels, CUP_RIM)) * (1 - _ellipse(pixels, SAUCER))
    handle = cv2.dilate(_spoon(pixels), np.ones((7, 7), np.uint8))
    boxed = np.zeros(pixels.shape[:2], np.float32)
    boxed[y0 + 3 : y1 - 3, x0 + 3 : x1 - 3] = 1
    return _blended(pixels, moved, _soft(boxed * handle * outside_cup, 1.2))


def _smeared(pixels: Pixels, box: tuple[int, int, int, int]) -> Pixels:
    """A patch of the table without its grain, as if melted."""
    x0, y0, x1, y1 = box
    weight = np.zeros(pixels.shape[:2], np.float32)
    weight[y0:y1, x0:x1] = 1
    melted = cv2.GaussianBlur(cv2.medianBlur(pixels, 15), (0, 0), 4)
    return _blended(pixels, melted, _soft(weight, 4.0))


def _tinted(pixels: Pixels, centre: tuple[int, int], radius: int) -> Pixels:
    """A patch of the table with a greenish cast."""
    lab = cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB).astype(np.int16)
    lab[..., 1] -= 26
    lab[..., 2] -= 8
    cast = cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2BGR)
    return _blended(pixels, cast, _soft(_ellipse(pixels, (centre, (2 * radius, 1.7 * radius), 20.0)), 5.0))


def _spoon(pixels: Pixels) -> Weight:
    handle = np.zeros(pixels.shape[:2], np.float32)
    cv2.fillPoly(handle, [SPOON_HANDLE], 1.0)
    return np.maximum(handle, _ellipse(pixels, SPOON_BOWL))


def _ellipse(pixels: Pixels, box: tuple[tuple[float, float], tuple[float, float], float]) -> Weight:
    inside = np.zeros(pixels.shape[:2], np.float32)
    cv2.ellipse(inside, box, 1.0, -1)
    return inside


def _soft(weight: Weight, sigma: float) -> Weight:
    return cv2.GaussianBlur(weight, (0, 0), sigma)


def _blended(below: Pixels, above: Pixels, weight: Weight) -> Pixels:
    alpha = weight[..., None]
    return np.rint(below * (1 - alpha) + above * alpha).astype(np.uint8)


if __name__ == "__main__":
    main()
