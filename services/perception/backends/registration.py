"""How does the edited picture lie on the source? A robust affine fit on what was not changed."""

from dataclasses import dataclass

import cv2
import numpy as np

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
CONTRAST_FLOOR = 4.0  # gray levels: below this, local contrast is encoder noise
MIN_TEXTURED_SHARE = 0.01  # of either frame: below it, there is nothing to align on
MATCHING = 0.7  # local correlation from which a place counts as the same in both pictures
MIN_AGREEMENT = 0.2  # share of the textured frame that must match for the fit to be trusted
MAX_ZOOM = 1.3
MAX_SHIFT = 0.2  # of the longest side; an editor that moves more has made another picture
SNAP_PX = 0.35  # below this displacement in every corner, the simpler matrix is as good
ITERATIONS = 12
CELL = 6  # pixels: the fit looks at the strongest edge of each square of this side
LEVELS = (0.125, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Geometry:
    """An affine map and how much of the picture supports it."""

    matrix: np.ndarray
    """(2, 3) float64: edited pixel -> source pixel."""
    agreement: float
    """Share of the textured frame that matches under the map."""
    reliable: bool


def register(edited: np.ndarray, source: np.ndarray) -> Geometry:
    """Align two gray float pictures of one size, (H, W) on 0..255; the identity where nothing matches."""
    textured = _textured(edited)
    shared = min(textured.mean(), _textured(source).mean())
    if min(edited.shape) < CELL or shared < MIN_TEXTURED_SHARE:
        return Geometry(IDENTITY, 1.0, bool(np.median(np.abs(edited - source)) < 2 * CONTRAST_FLOOR))
    levels = _pyramid(edited, source)
    normal_edited, normal_source = levels[-1]
    stay = _agreement(normal_edited, normal_source, textured, IDENTITY)
    best = _refined(levels, IDENTITY)
    best_agreement = _agreement(normal_edited, normal_source, textured, best)
    if best_agreement < 0.6 and (coarse := _from_features(edited, source)) is not None:
        moved = _refined(levels, coarse)
        moved_agreement = _agreement(normal_edited, normal_source, textured, moved)
        if moved_agreement > best_agreement + 0.02:
            best, best_agreement = moved, moved_agreement
    if not _plausible(best, edited.shape) or best_agreement < stay:
        best, best_agreement = IDENTITY, stay
    best = _simplest(best, edited.shape)
    if best_agreement < MIN_AGREEMENT:
        return Geometry(IDENTITY, best_agreement, reliable=False)
    return Geometry(best, best_agreement, reliable=True)


def between(matrix: np.ndarray, edited_scale: np.ndarray, source_scale: np.ndarray) -> np.ndarray:
    """The same map between the full-size pictures that were resized by these factors (x, y) to fit it."""
    to_working = _resizing(edited_scale)
    to_source = np.linalg.inv(_resizing(source_scale))
    return (to_source @ np.vstack([matrix, [0, 0, 1]]) @ to_working)[:2]


def warp(picture: np.ndarray, matrix: np.ndarray, *, nearest: bool = False) -> np.ndarray:
    """The source, (H, W) or (H, W, C), brought to the edited frame of the same size."""
    if np.array_equal(matrix, IDENTITY):
        return picture
    mode = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    height, width = picture.shape[:2]
    return cv2.warpAffine(
        picture, matrix, (width, height), flags=mode | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )


def covered(matrix: np.ndarray, height: int, width: int, margin: float = 0.0) -> np.ndarray:
    """(H, W) bool: edited pixels with a counterpart in the source.

    `margin`, a share of the longest side, leaves out what lies that close to the source's rim.
    """
    inside = np.full((height, width), 255, np.uint8)
    if np.array_equal(matrix, IDENTITY):
        return inside > 0
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    inside = cv2.warpAffine(inside, matrix, (width, height), flags=flags, borderValue=(0.0,))
    rim = 2 * round(margin * max(height, width)) + 1
    return cv2.erode(inside, np.ones((rim, rim), np.uint8)) > 0  # beyond the frame counts as inside


def local_match(edited: np.ndarray, source: np.ndarray, sigma: float = 4.0) -> np.ndarray:
    """(H, W) in [-1, 1]: correlation of two contrast-normalised pictures around each pixel."""
    both = cv2.GaussianBlur(edited * source, (0, 0), sigma)
    power = cv2.GaussianBlur(edited**2, (0, 0), sigma) * cv2.GaussianBlur(source**2, (0, 0), sigma)
    return both / np.sqrt(power + 1e-6)


def normalised(gray: np.ndarray, sigma: float = 8.0) -> np.ndarray:
    """Local mean 0 and contrast 1, so that light and tone do not matter; flat places stay near 0."""
    centered = gray - cv2.GaussianBlur(gray, (0, 0), sigma)
    contrast = np.sqrt(cv2.GaussianBlur(centered**2, (0, 0), sigma) + CONTRAST_FLOOR**2)
    return centered / contrast


def _textured(gray: np.ndarray) -> np.ndarray:
    """(H, W) bool: where local contrast stands above encoder noise."""
    centered = gray - cv2.GaussianBlur(gray, (0, 0), 4.0)
    return cv2.GaussianBlur(centered**2, (0, 0), 4.0) > CONTRAST_FLOOR**2


def _pyramid(edited: np.ndarray, source: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Normalised pairs, coarse to fine; the last has full size."""
    pairs = []
    for scale in LEVELS:
        if scale == 1.0 or min(edited.shape) * scale >= 48:
            size = (round(edited.shape[1] * scale), round(edited.shape[0] * scale))
            pair = (cv2.resize(g, size, interpolation=cv2.INTER_AREA) for g in (edited, source))
            smooth = (cv2.GaussianBlur(g, (0, 0), 0.8) for g in pair)
            first, second = (normalised(g) for g in smooth)
            pairs.append((first, second))
    return pairs


def _refined(levels: list[tuple[np.ndarray, np.ndarray]], start: np.ndarray) -> np.ndarray:
    """Gauss-Newton from coarse to fine; `start` and the result are in full-size pixels."""
    matrix = start
    full = levels[-1][0].shape
    for edited, source in levels:
        scale = np.array([edited.shape[1] / full[1], edited.shape[0] / full[0]])
        matrix = _rescaled(_gauss_newton(edited, source, _rescaled(matrix, scale)), 1 / scale)
    return matrix


def _rescaled(matrix: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """The same map between pictures resized by `scale` (x, y), pixel centres kept in place."""
    return between(matrix, 1 / scale, 1 / scale)


def _resizing(scale: np.ndarray) -> np.ndarray:
    """(3, 3): a pixel to its place in the resized picture; both count from the centre of the first pixel."""
    return np.array([[scale[0], 0, (scale[0] - 1) / 2], [0, scale[1], (scale[1] - 1) / 2], [0, 0, 1]])


def _gauss_newton(edited: np.ndarray, source: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Fit at the strongest edge of each small cell; places that changed lose their weight (Tukey)."""
    points, values = _strong_points(edited)
    gradient = [cv2.Scharr(source, cv2.CV_32F, dx, 1 - dx) / 32 for dx in (1, 0)]
    length = max(edited.shape)
    design = np.column_stack([points / length, np.ones(len(points))])  # (N, 3)
    for _ in range(ITERATIONS):
        where = points @ matrix[:, :2].T + matrix[:, 2]  # (N, 2) source pixels
        residual = values - _sampled(source, where)
        slope = np.column_stack([_sampled(g, where) for g in gradient])  # (N, 2)
        inside = np.asarray(np.all((where >= 0) & (where <= np.array(source.shape[::-1]) - 1), axis=1))
        weight = _tukey(residual, inside)
        jacobian = np.concatenate([slope[:, :1] * design, slope[:, 1:] * design], axis=1)  # (N, 6)
        weighted = jacobian * weight[:, None]
        normal = weighted.T @ jacobian + 1e-3 * np.eye(6)
        step = np.linalg.solve(normal, weighted.T @ residual).reshape(2, 3)
        matrix = matrix + step / [length, length, 1]
        if np.abs(step).sum() < 0.01:
            break
    return matrix


def _tukey(residual: np.ndarray, inside: np.ndarray) -> np.ndarray:
    if not inside.any():
        return np.zeros_like(residual)
    scale = max(0.1, 1.4826 * float(np.median(np.abs(residual[inside]))))
    share = np.clip(1 - (residual / (4.685 * scale)) ** 2, 0, None)
    return share**2 * inside


def _strong_points(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x, y of the steepest pixel of each cell, (N, 2), and its value, (N,)."""
    cell = CELL
    steep = cv2.Scharr(picture, cv2.CV_32F, 1, 0) ** 2 + cv2.Scharr(picture, cv2.CV_32F, 0, 1) ** 2
    rows, columns = picture.shape[0] // cell, picture.shape[1] // cell
    cells = steep[: rows * cell, : columns * cell].reshape(rows, cell, columns, cell)
    best = cells.transpose(0, 2, 1, 3).reshape(rows, columns, -1).argmax(axis=2)
    y = (np.arange(rows)[:, None] * cell + best // cell).ravel()
    x = (np.arange(columns)[None, :] * cell + best % cell).ravel()
    return np.column_stack([x, y]).astype(np.float64), picture[y, x].astype(np.float64)


def _sampled(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    at = where.astype(np.float32)[:, None]
    # remap takes at most 32,767 rows: the points are laid out as a column of that width at most
    parts = [
        cv2.remap(picture, at[i : i + 32_000, :, 0], at[i : i + 32_000, :, 1], cv2.INTER_LINEAR)
        for i in range(0, len(at), 32_000)
    ]
    return np.concatenate(parts)[:, 0].astype(np.float64)


def _agreement(edited: np.ndarray, source: np.ndarray, textured: np.ndarray, matrix: np.ndarray) -> float:
    match = local_match(edited, warp(source, matrix))
    seen = textured & covered(matrix, *edited.shape)
    return float((match[seen] > MATCHING).mean()) if seen.any() else 0.0


def _from_features(edited: np.ndarray, source: np.ndarray) -> np.ndarray | None:
    """A similarity from matched keypoints: finds larger shifts and zooms than the fit can."""
    orb = cv2.ORB.create(1500, fastThreshold=8)
    found = [orb.detectAndCompute(g.astype(np.uint8), np.ones(g.shape, np.uint8)) for g in (edited, source)]
    (points_edited, words_edited), (points_source, words_source) = found
    if words_edited is None or words_source is None or min(len(words_edited), len(words_source)) < 12:
        return None
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(words_edited, words_source)
    if len(matches) < 12:
        return None
    at_edited = np.array([points_edited[m.queryIdx].pt for m in matches])
    at_source = np.array([points_source[m.trainIdx].pt for m in matches])
    matrix, inliers = cv2.estimateAffinePartial2D(at_edited, at_source, ransacReprojThreshold=3.0)
    return matrix if matrix is not None and inliers.sum() >= 12 else None


def _plausible(matrix: np.ndarray, shape: tuple[int, ...]) -> bool:
    zoom = np.linalg.svd(matrix[:, :2], compute_uv=False)
    height, width = shape[:2]
    center = np.array([width / 2, height / 2])
    shift = np.abs(matrix[:, :2] @ center + matrix[:, 2] - center).max()
    return bool(zoom.max() < MAX_ZOOM and zoom.min() > 1 / MAX_ZOOM and shift < MAX_SHIFT * max(shape))


def _simplest(matrix: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The identity or a whole-pixel shift where the fit hardly differs: pixels then move unblurred."""
    height, width = shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float)
    whole = np.column_stack([np.eye(2), np.round((corners @ (matrix - IDENTITY).T).mean(axis=0))])
    return whole if np.abs(corners @ (matrix - whole).T).max() < SNAP_PX else matrix
