"""How many points does each measured fact cost?"""

from dataclasses import dataclass

import numpy as np

from services.evaluation.backends.intent import Intent
from services.evaluation.backends.measures import Measures, smooth
from services.evaluation.backends.split import Split, covers_frame

DEAD_MASS = 0.001  # damage spread over less than this share of the frame is hardly counted
CONSISTENCY_SLOPE = 2.2  # 2 % of the frame, fully changed, costs some 20 points
QUALITY_SLOPE = 1.6
INSIDE_SLOPE = 0.5
DRIFT_SLOPE = 1.5  # a drift of the whole frame is one fault, not many
FULL_AMOUNT = 0.004  # share of the frame that has to change for an edit to count as done
FULL_TONE = 2.5  # mean CIELAB distance at which a change of the whole tone counts as done
CLEAR_FIT = 0.6  # a change that suits the words this well is not told from one that suits them better
FULL_SIZE = 0.02  # scale of the slight reward for size, which makes taking an edit back by half a loss
FLOOR, DONE, FITTING, SIZE = 5.0, 20.0, 45.0, 15.0  # points: nothing; something, suiting the words, at large


@dataclass(frozen=True)
class Points:
    """The three scores, 0..100."""

    quality: float
    following: float
    consistency: float


def points(m: Measures, s: Split, intent: Intent) -> Points:
    """Turn facts into scores."""
    damage = s.change * (1 - s.intended)
    drift = s.drift * float(1 - s.intended.mean())
    consistency = 100 * np.exp(-CONSISTENCY_SLOPE * pooled(damage) - DRIFT_SLOPE * drift)
    quality = 100 * np.exp(-_flaws_of_look(artifacts(m, s, intent), s.intended))
    following = _following_global(m, s, intent) if covers_frame(m, intent) else _following_local(s)
    return Points(float(quality), float(following), float(consistency))


def pooled(damage: np.ndarray) -> float:
    """0..1: root of the mean, so that a small bad place counts far more than its share of the frame."""
    return float(np.sqrt(damage.mean() + DEAD_MASS) - np.sqrt(DEAD_MASS))


def artifacts(m: Measures, s: Split, intent: Intent) -> np.ndarray:
    """(rows, cols) 0..1: how artificial each cell looks, measured against the source."""
    usual = float(np.median(m.detail))
    lost, gained = usual - m.detail, m.detail - usual
    least = 0.7 - 0.5 * s.intended  # where new content was asked for, the source says little about it
    kept = np.clip(1 - (m.coarse - 0.2) / 0.5, least, 1)
    blur = np.clip((lost - 0.5) / 2, 0, 1) * np.clip(m.texture / 6, 0, 1) * kept
    noise = np.clip((gained - 0.6) / 2, 0, 1) * kept
    if intent.may_blur:
        blur = blur * 0.2
    seams = m.edges * np.clip(smooth(s.change, 1.0) * 2, 0, 1)
    return 1 - (1 - blur) * (1 - 0.8 * noise) * (1 - 0.5 * seams) * (1 - m.clipped)


def _flaws_of_look(look: np.ndarray, intended: np.ndarray) -> float:
    """Outside the intended place every bad spot adds up; inside only how bad it is, not how large.

    Otherwise taking back half of an edit would pay.
    """
    inside = float(np.average(look, weights=intended)) if intended.any() else 0.0
    return QUALITY_SLOPE * pooled(look * (1 - intended)) + INSIDE_SLOPE * inside


def _following_local(s: Split) -> float:
    mass = float((s.change * (s.intended > 0.5)).mean())
    amount = 1 - np.exp(-mass / FULL_AMOUNT)
    size = np.log(1 + mass / FULL_SIZE) / np.log(1 + 1 / FULL_SIZE)
    return FLOOR + amount * (DONE + FITTING * min(1.0, s.fit / CLEAR_FIT)) + SIZE * size


def _following_global(m: Measures, s: Split, intent: Intent) -> float:
    even = s.change < 0.1  # damage has no say in whether the rest follows
    if not even.any():
        even = np.ones_like(even)
    distance = float(np.mean(np.linalg.norm(m.edited_lab - m.given_lab, axis=2)[even]))
    restyled = float(np.median(m.structure)) + float(np.abs(np.median(m.detail))) * 0.4
    amount = 1 - np.exp(-((max(distance - 1.0, 0) / FULL_TONE) + 2 * max(restyled - 0.1, 0)))
    return FLOOR + amount * (DONE + FITTING * _suits(m.given_lab[even], m.edited_lab[even], intent))


def _suits(before: np.ndarray, after: np.ndarray, intent: Intent) -> float:
    """0..1: whether the tone of (N, 3) CIELAB cells went the way the words say; 0.6 where no word says."""
    if intent.direction is None:
        return 0.6
    chroma = [np.hypot(lab[:, 1], lab[:, 2]).mean() for lab in (before, after)]
    shift = np.array([*(after - before).mean(axis=0), chroma[1] - chroma[0]])
    along = float(shift @ np.array(intent.direction))
    return float(np.clip(0.5 + along / 5, 0, 1))
