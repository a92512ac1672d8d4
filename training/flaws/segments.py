"""Where are the things of a photograph? From a label map, or found by segmentation where there is none."""

from collections.abc import Mapping

import cv2
import numpy as np

from training.flaws.scene import Segment

UNNAMED = "area"
MIN_SHARE, MAX_SHARE = 0.003, 0.7  # of the frame
STUFF = frozenset(
    {
        *("sky", "grass", "tree", "road", "wall", "floor", "water", "sea", "sand", "snow", "mountain"),
        *("pavement", "dirt", "ceiling", "river", "rock", "gravel", "field", "fence", "house", "building"),
        *("window", "curtain", "playingfield", "platform", "bridge", "table", "stairs", "counter", "cabinet"),
        *("shelf", "door", "railroad", "rug", "mirror", "net", "roof", "tent", "paper", "blanket", "light"),
    }
)
"""Categories that are no countable thing."""
SEGMENTATION_SIDE = 256
SUBJECT_SIDE = 128


def labelled_segments(labels: np.ndarray, names: Mapping[int, str]) -> tuple[Segment, ...]:
    """One segment per label of an (H, W) uint8 map, its largest blob; 0 is nothing."""
    found = []
    for label in np.unique(labels):
        if label:
            mask = largest_blob(labels == label)
            name = names.get(int(label), UNNAMED)
            if MIN_SHARE < mask.mean() < MAX_SHARE:
                found.append(Segment(name, mask, name not in STUFF))
    return tuple(found)


def automatic_segments(picture: np.ndarray, subject: str = "") -> tuple[Segment, ...]:
    """Regions of even colour (graph-based segmentation), and the named subject cut out by GrabCut.

    `picture` is (H, W, 3) uint8. Felzenszwalb and Huttenlocher 2004; Rother et al. 2004.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, SEGMENTATION_SIDE / max(height, width))
    small = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    graph = cv2.ximgproc.segmentation.createGraphSegmentation(0.6, 250, 150)
    labels = np.asarray(graph.processImage(small))
    masks = [largest_blob(labels == label) for label in np.unique(labels)]
    found = [
        Segment(UNNAMED, full_size(mask, picture), is_thing=False)
        for mask in masks
        if MIN_SHARE < mask.mean() < MAX_SHARE
    ]
    if subject:
        mask = _subject(picture)
        if 0.03 < mask.mean() < MAX_SHARE:
            found.append(Segment(subject, mask))
    return tuple(found)


def largest_blob(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool: the largest connected part of a mask."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count <= 2:
        return mask
    return labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))


def full_size(mask: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """A small mask with smooth borders at the size of the picture."""
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)
    return cv2.resize(soft, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR) > 0.5


def _subject(picture: np.ndarray) -> np.ndarray:
    """What stands out against the border of a picture that shows one thing in its middle."""
    height, width = picture.shape[:2]
    scale = SUBJECT_SIDE / max(height, width)
    small = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    h, w = small.shape[:2]
    mask = np.zeros((h, w), np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # GrabCut starts from k-means
    cv2.grabCut(small, mask, (w // 10, h // 10, w * 8 // 10, h * 8 // 10), *models, 4, cv2.GC_INIT_WITH_RECT)
    inside = (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
    opened = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    return full_size(largest_blob(opened), picture)
