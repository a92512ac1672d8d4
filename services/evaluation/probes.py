"""Does this scorer look at what it is given? Questions whose answer is known beforehand."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from editrefiner.contracts import DIMENSIONS, ProbeResult, ProblemCode, ProblemError
from services.evaluation import staged
from services.evaluation.marks import Estimate, Marks, Scorer

GOLDENS = Path(__file__).with_name("goldens.json")
"""Scores by digest of a backend and name of an edit, as DIMENSIONS are ordered. `bench.goldens` writes it."""
PINNED_BACKENDS = frozenset({"compact"})
"""Backends that give the same scores on every machine: theirs are pinned, and a digest without pins fails."""


@dataclass(frozen=True)
class Thresholds:
    """How clear an answer has to be, in points of 0..100."""

    least_range: float = 1.0  # over edits that differ as much as these; a scorer that is awake shows tens
    black_consistency: float = 25.0  # the compact scorer leaves 15 to 23
    black_quality_drop: float = 5.0
    identity_drop: float = 10.0  # instruction following of no edit below that of the real one
    swapped_drop: float = 3.0
    shuffled_drop: float = 10.0
    golden_tolerance: float = 0.5  # processors round differently; a changed weight shows more


THRESHOLDS = Thresholds()


class ProbesFailedError(ProblemError):
    """The backend loads and does not score: it must not get work."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED

    def __init__(self, results: Sequence[ProbeResult]) -> None:
        failed = [result for result in results if result.required and not result.passed]
        super().__init__(" ".join(f"Probe {result.name} failed: {result.detail}" for result in failed))


def run_probes(scorer: Scorer, thresholds: Thresholds = THRESHOLDS) -> tuple[ProbeResult, ...]:
    """Every probe that this backend takes, in a fixed order. All are required."""
    table, edited = staged.table(), staged.reddened()
    flawed = [draw() for draw in staged.FLAWED_EDITS.values()]
    red, same, black, *worse = _marks(
        scorer, table, [edited, table.copy(), np.zeros_like(table), *flawed], staged.RED
    )
    (blue,) = _marks(scorer, table, [edited], staged.BLUE)
    (shuffled,) = _marks(scorer, staged.street(), [edited], staged.RED)
    everything = [red, same, black, blue, shuffled, *worse]
    found = [
        _finite(everything),
        _alive(everything, thresholds),
        _black(black, same, thresholds),
        _identity(same, red, thresholds),
        _swapped(red, blue, thresholds),
        _shuffled(red, shuffled, thresholds),
    ]
    if scorer.backend.name in PINNED_BACKENDS:
        known = dict(zip(("reddened", *staged.FLAWED_EDITS), (red, *worse), strict=True))
        found.append(_golden(scorer, known, thresholds))
    return tuple(found)


def pinned() -> dict[str, dict[str, list[float]]]:
    """What GOLDENS holds."""
    return json.loads(GOLDENS.read_text())


def values(marks: Marks) -> tuple[float, float, float]:
    """The three scores in the order of DIMENSIONS."""
    return (marks.perceptual_quality.value, marks.instruction_following.value, marks.visual_consistency.value)


def _marks(
    scorer: Scorer, source: np.ndarray, edits: Sequence[np.ndarray], instruction: str
) -> Sequence[Marks]:
    return scorer.score(source, edits, instruction, lambda: None)


def _finite(seen: Sequence[Marks]) -> ProbeResult:
    def is_score(estimate: Estimate) -> bool:
        ends = (estimate.low, estimate.value, estimate.high)
        return all(math.isfinite(end) for end in ends) and 0 <= estimate.value <= 100

    good = all(
        is_score(each)
        for marks in seen
        for each in (marks.perceptual_quality, marks.instruction_following, marks.visual_consistency)
    )
    return _result("finite", good, "every score is a number of 0..100", {})


def _alive(seen: Sequence[Marks], thresholds: Thresholds) -> ProbeResult:
    """Inert weights answer everything alike."""
    spans = np.ptp(np.nan_to_num(np.array([values(marks) for marks in seen])), axis=0)
    named = {name: float(span) for name, span in zip(DIMENSIONS, spans, strict=True)}
    expected = f"scores of different edits differ by at least {thresholds.least_range:g} in every dimension"
    return _result("inert", bool(spans.min() >= thresholds.least_range), expected, named)


def _black(black: Marks, same: Marks, thresholds: Thresholds) -> ProbeResult:
    consistency = black.visual_consistency.value
    quality, untouched = black.perceptual_quality.value, same.perceptual_quality.value
    expected = (
        f"a black picture has at most {thresholds.black_consistency:g} of visual_consistency, and "
        f"perceptual_quality at least {thresholds.black_quality_drop:g} below the untouched picture's"
    )
    good = (
        consistency <= thresholds.black_consistency and untouched - quality >= thresholds.black_quality_drop
    )
    found = {
        "visual_consistency": consistency,
        "perceptual_quality": quality,
        "untouched_perceptual_quality": untouched,
    }
    return _result("black", good, expected, found)


def _identity(same: Marks, red: Marks, thresholds: Thresholds) -> ProbeResult:
    unedited, edited = same.instruction_following.value, red.instruction_following.value
    expected = (
        "instruction_following of the untouched picture is at least "
        f"{thresholds.identity_drop:g} below that of the edit that was asked for"
    )
    found = {"untouched": unedited, "edited": edited}
    return _result("identity", edited - unedited >= thresholds.identity_drop, expected, found)


def _swapped(red: Marks, blue: Marks, thresholds: Thresholds) -> ProbeResult:
    asked, other = red.instruction_following.value, blue.instruction_following.value
    least = f"{thresholds.swapped_drop:g}"
    expected = f"instruction_following is at least {least} lower when another colour was asked for"
    found = {"asked": asked, "other": other}
    return _result("swapped_instruction", asked - other >= thresholds.swapped_drop, expected, found)


def _shuffled(red: Marks, shuffled: Marks, thresholds: Thresholds) -> ProbeResult:
    own, other = red.visual_consistency.value, shuffled.visual_consistency.value
    least = f"{thresholds.shuffled_drop:g}"
    expected = f"visual_consistency is at least {least} lower against the source of another edit"
    found = {"own_source": own, "other_source": other}
    return _result("shuffled_source", own - other >= thresholds.shuffled_drop, expected, found)


def _golden(scorer: Scorer, seen: dict[str, Marks], thresholds: Thresholds) -> ProbeResult:
    digest = scorer.backend.digest
    pins = pinned().get(digest)
    if pins is None:
        detail = (
            f"no scores are pinned for digest {digest}; `python -m bench.goldens` pins those it gives now."
        )
        return ProbeResult(name="golden", passed=False, required=True, detail=detail)
    apart = {name: float(np.abs(np.subtract(values(seen[name]), pins[name])).max()) for name in seen}
    expected = f"the scores of known edits are as pinned, within {thresholds.golden_tolerance:g}"
    return _result("golden", max(apart.values()) <= thresholds.golden_tolerance, expected, apart)


def _result(name: str, passed: bool, expected: str, found: dict[str, float]) -> ProbeResult:
    """The wire form; a score that is no number would not be JSON."""
    shown = {key: round(value, 3) for key, value in found.items() if math.isfinite(value)}
    came = ", ".join(f"{key} {value:g}" for key, value in shown.items())
    detail = f"expected: {expected}." + (f" Found: {came}." if came else "")
    return ProbeResult(name=name, passed=passed, required=True, detail=detail, values=shown)
