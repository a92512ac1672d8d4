"""How does one picture lie on another? Affine maps, resampling through them, and their measurement."""

import cv2
import numpy as np

from editrefiner.contracts import Box, Registration
from services.action.geometry import Size, box_size, resized, scaled_size, shrink_factor, size_of

Affine = np.ndarray
"""(2, 3) float64: takes a pixel (x, y) of one picture to its place in the other."""

COARSE_SIDES = (64, 160, 384)  # longest side in pixels of the levels of a measurement, coarse to fine
MIN_RING = 200  # pixels at a level; fewer do not carry six parameters
MIN_TEXTURE = 3.0  # standard deviation in gray levels; a flat ring shows no shift
MAX_STRETCH = 0.12  # an editor that zooms by more than this has made another picture
SHRINK_FROM = 1.25  # from this reduction on, pixels are averaged before they are interpolated
STILL_PX = 0.05  # a smaller displacement is none


def identity() -> Affine:
    """Every pixel stays where it is."""
    return np.eye(2, 3)


def frame_map(registration: Registration | None, edited: Size, source: Size) -> Affine:
    """From edited pixel to source pixel: as registered, else the two frames laid upon each other."""
    if registration is not None and registration.reliable:
        return np.array(registration.matrix, dtype=np.float64).reshape(2, 3)
    sx, sy = source[0] / edited[0], source[1] / edited[1]
    return np.array([[sx, 0.0, (sx - 1) / 2], [0.0, sy, (sy - 1) / 2]])


def after(outer: Affine, inner: Affine) -> Affine:
    """`outer` applied to the result of `inner`."""
    return (_square(outer) @ _square(inner))[:2]


def inverse(matrix: Affine) -> Affine:
    """The way back."""
    return np.linalg.inv(_square(matrix))[:2]


def from_crop(matrix: Affine, box: Box, factor: float) -> Affine:
    """A map measured within a crop at `factor` times its size, as a map of the frame."""
    grown_back = _at_scale(matrix, 1 / factor)
    corner = np.array([[box[0]], [box[1]]])
    return np.hstack([grown_back[:, :2], grown_back[:, 2:] + corner - grown_back[:, :2] @ corner])


def displacement_px(matrix: Affine, size: Size) -> float:
    """The largest way, in pixels, that a corner of a picture of this size is moved."""
    corners = _corners(size)
    return float(np.hypot(*(matrix @ corners - corners[:2])).max())


def stretch(matrix: Affine) -> float:
    """The factor by which lengths grow, averaged over directions."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def sample(
    picture: np.ndarray, matrix: Affine, box: Box, factor: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """What lies in `picture` where `matrix` takes the pixels of `box`, at `factor` times the size.

    Returns the crop and (h, w) bool: where the picture has a pixel to give. Whole-pixel maps copy exactly.
    """
    width, height = scaled_size(box_size(box), factor)
    fx, fy = width / (box[2] - box[0]), height / (box[3] - box[1])
    to_frame = np.array([[1 / fx, 0, box[0] + 0.5 / fx - 0.5], [0, 1 / fy, box[1] + 0.5 / fy - 0.5]])
    shrunk, matrix = _shrunk_for(*_near(picture, after(matrix, to_frame), (width, height)))
    covered = _covered(matrix, (width, height), size_of(shrunk))
    if _is_whole_pixel(matrix) and covered.all():
        x, y = round(matrix[0, 2]), round(matrix[1, 2])
        return shrunk[y : y + height, x : x + width], covered
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(shrunk, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return crop, covered


def measure(reference: np.ndarray, moved: np.ndarray, ring: np.ndarray) -> Affine | None:
    """The map from a pixel of `reference` to its place in `moved`, both (h, w, 3), seen where `ring` is set.

    None when nothing can be said: too few pixels, no texture, or no agreement.
    """
    grays = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (reference, moved)]
    matrix = identity()
    sides = [side for side in COARSE_SIDES if side < max(ring.shape) * 0.7] or [max(ring.shape)]
    for level, side in enumerate(sides):
        factor = shrink_factor(size_of(ring), side)
        size = scaled_size(size_of(ring), factor)
        small = [resized(gray, size) for gray in grays]
        seen = resized(ring.astype(np.uint8) * 255, size) > 250
        if seen.sum() < MIN_RING or min(gray[seen].std() for gray in small) < MIN_TEXTURE:
            return None
        model = cv2.MOTION_TRANSLATION if level == 0 and len(sides) > 1 else cv2.MOTION_AFFINE
        found = _ecc(small[0], small[1], seen, _at_scale(matrix, factor), model)
        if found is None:
            return None
        matrix = _at_scale(found, 1 / factor)
    if np.abs(matrix[:, :2] - np.eye(2)).max() > MAX_STRETCH:
        return None
    return matrix if displacement_px(matrix, size_of(ring)) > STILL_PX else identity()


def _ecc(
    reference: np.ndarray, moved: np.ndarray, seen: np.ndarray, start: Affine, model: int
) -> Affine | None:
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-6)
    everywhere = np.full(moved.shape, 255, np.uint8)
    mask = seen.astype(np.uint8) * 255
    try:
        _, matrix = cv2.findTransformECCWithMask(
            reference, moved, mask, everywhere, start.astype(np.float32), model, criteria, 5
        )
    except cv2.error:  # it did not converge: the two have nothing in common there
        return None
    return matrix.astype(np.float64) if np.isfinite(matrix).all() else None


def _at_scale(matrix: Affine, factor: float) -> Affine:
    """The same map between pictures resized by `factor`; pixel centres lie at half integers."""
    move = np.array([0.5, 0.5])
    shift = (matrix[:, :2] @ move + matrix[:, 2] - move) * factor + move - matrix[:, :2] @ move
    return np.hstack([matrix[:, :2], shift[:, None]])


def _near(picture: np.ndarray, matrix: Affine, size: Size) -> tuple[np.ndarray, Affine]:
    """The part of the picture that a crop of this size can reach, and the map into that part."""
    places = matrix @ _corners(size)
    margin = 4 + 4 * stretch(matrix)  # what interpolation and averaging look at
    low = np.clip(np.floor(places.min(axis=1) - margin), 0, np.array(size_of(picture)) - 1).astype(int)
    high = np.clip(np.ceil(places.max(axis=1) + margin), low + 1, size_of(picture)).astype(int)
    part = picture[low[1] : high[1], low[0] : high[0]]
    return part, np.hstack([matrix[:, :2], matrix[:, 2:] - low[:, None]])


def _shrunk_for(picture: np.ndarray, matrix: Affine) -> tuple[np.ndarray, Affine]:
    """The picture averaged down as far as the map reduces it, and the map into that one."""
    factor = 1 / stretch(matrix)
    if factor > 1 / SHRINK_FROM:
        return picture, matrix
    size = scaled_size(size_of(picture), factor)
    fx, fy = size[0] / picture.shape[1], size[1] / picture.shape[0]
    down = np.array([[fx, 0, 0.5 * fx - 0.5], [0, fy, 0.5 * fy - 0.5]])
    return resized(picture, size), after(down, matrix)


def _covered(matrix: Affine, size: Size, source: Size) -> np.ndarray:
    """(h, w) bool: the pixels that the map takes into the source, to within a pixel."""
    places = matrix @ _corners((size[0] - 1, size[1] - 1))
    if (places > -1.0).all() and (places < np.reshape(source, (2, 1))).all():
        return np.ones((size[1], size[0]), bool)
    columns, rows = np.arange(size[0]), np.arange(size[1])[:, None]
    covered = np.ones((size[1], size[0]), bool)
    for axis in (0, 1):
        place = matrix[axis, 0] * columns + matrix[axis, 1] * rows + matrix[axis, 2]
        covered &= (place > -1.0) & (place < source[axis])
    return covered


def _is_whole_pixel(matrix: Affine) -> bool:
    return bool(
        np.abs(matrix[:, :2] - np.eye(2)).max() < 1e-9
        and np.abs(matrix[:, 2] - np.rint(matrix[:, 2])).max() < 1e-6
    )


def _corners(size: Size) -> np.ndarray:
    return np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [size[0], size[1], 1]], float).T


def _square(matrix: Affine) -> np.ndarray:
    return np.vstack([matrix, [0.0, 0.0, 1.0]])
