"""Where do an instruction's words say that the change is, and what is like it there? Planes, no rules."""

import re
from dataclasses import dataclass

import numpy as np

from services.evaluation.backends.intent import COLORS, Intent
from services.evaluation.backends.look import Look
from services.evaluation.backends.measures import smooth

PLANES = ("place", "thing_color", "wanted_before", "wanted_now", "kin_before", "kin_now", "contrast", "grain")
"""In this order, each on [-1, 1]."""
ALIKE = 18.0  # CIELAB distance at which two colours hardly are alike any more
AROUND = 4.0  # cells: surroundings that detail and grain are compared with
SOFT = 0.2  # of the frame: how fast a named side ends
_ACROSS = ((r"\bleft\b", 0.2), (r"\bright\b", 0.8))
_DOWN = ((r"\b(?:top|upper|above)\b", 0.2), (r"\b(?:bottom|lower|below|foreground)\b", 0.8))
_MIDDLE = r"\b(?:middle|cent(?:er|re)|central)\b"
_CLAUSES = r"[.?!;]\s+\w|\b(?:and|then)\b"


@dataclass(frozen=True)
class Request:
    """What the words say beside the kind of the change."""

    across: float | None
    """0 = left edge, 1 = right edge; None where no side is named."""
    down: float | None
    thing: tuple[float, float, float] | None
    """CIELAB of the colour that names the thing: red in "paint the red hat blue"."""
    wanted: tuple[float, float, float] | None
    """CIELAB of the colour named last."""
    clauses: int
    """How many things may be asked for."""


def read_request(instruction: str, intent: Intent) -> Request:
    """Read place and colour words of an English instruction; of one colour the intent knows what for."""
    text = instruction.lower()
    named = [word for word in re.findall(r"[a-z]+", text) if word in COLORS]
    middle = 0.5 if re.search(_MIDDLE, text) else None
    return Request(
        across=next((x for rule, x in _ACROSS if re.search(rule, text)), middle),
        down=next((y for rule, y in _DOWN if re.search(rule, text)), middle),
        thing=COLORS[named[0]] if len(named) > 1 or (named and not intent.color) else None,
        wanted=COLORS[named[-1]] if len(named) > 1 else intent.color,
        clauses=1 + len(re.findall(_CLAUSES, text)),
    )


def planes(seen: Look, asked: Request) -> dict[str, np.ndarray]:
    """(rows, cols) each, by name: where the request may be, and where the picture is like it."""
    m, s = seen.measures, seen.split
    weight = s.change * s.intended
    now = np.log1p(m.texture * 2.0**m.detail) / 4
    return {
        "place": _place(m.detail.shape, asked),
        "thing_color": _near(m.given_lab, asked.thing),
        "wanted_before": _near(m.given_lab, asked.wanted),
        "wanted_now": _near(m.edited_lab, asked.wanted),
        "kin_before": _near(m.given_lab, _mean(m.given_lab, weight)),
        "kin_now": _near(m.edited_lab, _mean(m.edited_lab, weight)),
        "contrast": (m.detail - smooth(m.detail, AROUND)) / 2,
        "grain": 2 * (now - smooth(now, AROUND)),
    }


def about(asked: Request, intent: Intent) -> list[float]:
    """What the words say of the whole edit."""
    return [
        float(asked.across is not None),
        float(asked.down is not None),
        float(asked.thing is not None),
        float(asked.wanted is not None and intent.color is None),
        min(asked.clauses, 4) / 2 - 1,
    ]


def _place(shape: tuple[int, ...], asked: Request) -> np.ndarray:
    """1 in the named place, 0 far from it; -1 everywhere where none is named."""
    if asked.across is None and asked.down is None:
        return np.full(shape, -1, np.float32)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    apart = np.zeros(shape)
    for at, along in (
        (asked.across, columns / max(1, shape[1] - 1)),
        (asked.down, rows / max(1, shape[0] - 1)),
    ):
        if at is not None:
            apart = np.maximum(apart, np.abs(along - at))
    return np.exp(-((np.maximum(apart - SOFT, 0) / SOFT) ** 2)).astype(np.float32)


def _near(lab: np.ndarray, color: tuple[float, float, float] | np.ndarray | None) -> np.ndarray:
    """0..1: how near a colour; -1 where there is none to be near to."""
    if color is None:
        return np.full(lab.shape[:2], -1, np.float32)
    return np.exp(-np.linalg.norm(lab - np.asarray(color, np.float32), axis=2) / ALIKE)


def _mean(lab: np.ndarray, weight: np.ndarray) -> np.ndarray | None:
    total = float(weight.sum())
    return (lab * weight[..., None]).sum(axis=(0, 1)) / total if total > 1e-3 else None
