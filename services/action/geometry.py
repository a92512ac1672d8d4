"""Where in the frame? Boxes, masks and the crops that they cut."""

import cv2
import numpy as np

from editrefiner.contracts import Box

Size = tuple[int, int]
"""Width, height in pixels."""


def size_of(picture: np.ndarray) -> Size:
    """Width and height of a picture or mask."""
    return picture.shape[1], picture.shape[0]


def box_size(box: Box) -> Size:
    """Width and height of a box."""
    return box[2] - box[0], box[3] - box[1]


def tight_box(mask: np.ndarray) -> Box | None:
    """The smallest box that holds every set pixel; None when no pixel is set."""
    x, y, width, height = cv2.boundingRect(mask)
    return (x, y, x + width, y + height) if width else None


def padded(box: Box, pad_px: int, frame: Size) -> Box:
    """The box with `pad_px` more on every side, as far as the frame goes."""
    x0, y0, x1, y1 = box
    return max(0, x0 - pad_px), max(0, y0 - pad_px), min(frame[0], x1 + pad_px), min(frame[1], y1 + pad_px)


def window(picture: np.ndarray, box: Box) -> np.ndarray:
    """The pixels of a box, as a view."""
    x0, y0, x1, y1 = box
    return picture[y0:y1, x0:x1]


def moved(box: Box, dx: int, dy: int) -> Box:
    """The box at another place."""
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def distance_from(mask: np.ndarray) -> np.ndarray:
    """(H, W) float32: pixels to the nearest set pixel, 0 on the mask, infinite where the mask is empty."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def grown(mask: np.ndarray, reach_px: float) -> np.ndarray:
    """(H, W) bool: the pixels that lie at most `reach_px` from the mask."""
    return distance_from(mask) <= reach_px


def thickness_px(mask: np.ndarray) -> float:
    """Diameter of the largest disk that fits into the mask; the frame of the array counts as its edge."""
    framed = cv2.copyMakeBorder((mask > 0).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    deepest = float(cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max())
    return max(2.0 * deepest - 1, 0.0)


def shrink_factor(size: Size, longest_px: int) -> float:
    """The scale, at most 1, that brings the longer side down to `longest_px`."""
    return min(1.0, longest_px / max(size))


def resized(picture: np.ndarray, size: Size) -> np.ndarray:
    """The picture at another size: averaged on the way down, linear on the way up; itself at its own size."""
    if size_of(picture) == size:
        return picture
    smaller = size[0] < picture.shape[1] or size[1] < picture.shape[0]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


def scaled_size(size: Size, factor: float) -> Size:
    """Width and height times a factor, at least one pixel each."""
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
