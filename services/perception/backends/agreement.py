"""When do rules speak louder than the network? Where they are sure, and the request is plain or it agrees."""

import cv2
import numpy as np

from services.perception.backends.artifacts import FlawMaps

SURE = 0.5  # of a rule: measured change outside the request, beyond the noise of the frame
OBJECTION = 0.6  # network saliency below which it takes the same change for a part of the request
PART = 0.1  # of a change where the network must be above that
TRUST = 0.9  # saliency of a sure rule
UNDECIDED = 0.05  # mean difference of its maps below which the network leaves open what kind a change is
SOFTNESS = 2.0  # pixels at working size


def agreed(
    artifact: np.ndarray, failure: np.ndarray, rules: FlawMaps, *, plain: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Both maps, (H, W) float32 in [0, 1], raised where the rules see a change that nobody asked for.

    The network is shown the rules too, but painted flaws teach it caution where they leave no doubt. A
    connected change is raised as a whole, on the map that the network prefers there, or that of the rules
    where it prefers none. A plain request the rules can hardly misread: there the network has no say
    against them.
    """
    rule = cv2.GaussianBlur(np.maximum(rules.artifact, rules.failure), (0, 0), SOFTNESS)
    count, found = cv2.connectedComponents((rule > SURE).astype(np.uint8), connectivity=8)
    changes = np.asarray(found, np.int64)
    area = np.bincount(changes.ravel(), minlength=count)
    seen = np.bincount(changes.ravel(), np.maximum(artifact, failure).ravel() > OBJECTION, minlength=count)
    lean = np.bincount(changes.ravel(), (artifact - failure).ravel(), minlength=count) / np.maximum(area, 1)
    ruled = np.bincount(changes.ravel(), (rules.artifact - rules.failure).ravel(), minlength=count)
    raised = np.full(count, True) if plain else seen >= PART * area
    raised[0] = False
    sure = (TRUST * rule * raised[changes]).astype(np.float32)
    as_artifact = (np.where(np.abs(lean) < UNDECIDED, ruled, lean) > 0)[changes]
    return np.maximum(artifact, sure * as_artifact), np.maximum(failure, sure * ~as_artifact)
