"""How far do a scorer's numbers lie from people's? The calibration file that the service reads.

    editrefiner score --csv rated.csv -o scores.csv --url http://127.0.0.1:8104
    python -m training.evaluation.calibrate rated.csv scores.csv --out calibration.json --basis "WORDS"

`rated.csv` has people's scores beside source, edited and instruction (`tables.py`), `scores.csv` what the
uncalibrated scorer said of the same rows. The edits must be ones that it was not trained on.

- Half widths are split-conformal: of n distances between a score and people's, the one of rank
  (n + 1) * coverage, rounded up. A new edit like these lies within with that probability, whatever the
  distribution of the errors.
- `difference_spread` is the standard deviation of the error of a difference of `overall` between two edits
  of one source: sqrt(2) times that of the errors around the mean error of their source, because an error that
  all edits of a source share does not change their order. Where too few sources have several edits it is
  taken around the mean of all, which is wider as a rule.
- An edit that is exactly as good as another seems to gain more than `decision_margin` with the probability
  1 - `confidence`, taking the errors as normal, as the service does. The loop counts on 5 %.

Ratings of edits of one source are alike: many sources say more than many edits.
"""

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np

from editrefiner.contracts import DIMENSIONS, OverallKind, overall_score
from services.evaluation.backends.calibration import WHOLE_SCALE, Calibration, HalfWidths
from training.evaluation.cells import BadCellError, number, read_cells
from training.evaluation.tables import score_rows
from training.labelled_files import BadRowsError

__all__ = ["MeasuredEdit", "Said", "TooLittleError", "calibrate", "measured_edits", "read_said"]

LEAST_EDITS = 100  # the share that lies within then scatters by 3 points around its mean; 225 for 2
LEAST_SOURCES = 30
LEAST_WITHIN = 30  # edits beyond the first of their source, from which on their scatter is measured
COVERAGE, CONFIDENCE = 0.9, 0.95
ROUNDED = 0.01  # points: how far `overall` may be off for three decimals
NAMES = ("source", "edited", "instruction")

Three = tuple[float, float, float]


class TooLittleError(ValueError):
    """So few edits say nothing."""


@dataclass(frozen=True)
class MeasuredEdit:
    """What a scorer and people say of one edit."""

    source: str
    said: Three
    """Scores in the order of DIMENSIONS."""
    rated: Three
    """People's; NaN where nobody rated."""


@dataclass(frozen=True)
class Said:
    """What a table of scores holds."""

    scorer: str
    """Digest."""
    kind: OverallKind
    """How three scores become one."""
    scores: Mapping[tuple[str, ...], Three]
    """By source, edited picture and instruction."""


def calibrate(
    edits: Sequence[MeasuredEdit],
    *,
    scorer: str,
    basis: str,
    kind: OverallKind = "geometric",
    coverage: float = COVERAGE,
    confidence: float = CONFIDENCE,
) -> Calibration:
    """What the edits say of the scorer with this digest. TooLittleError where that is too little."""
    if not (0.5 < coverage < 1 and 0.5 < confidence < 1):
        raise ValueError("coverage and confidence are shares, above a half and below 1")
    if not basis.strip():
        raise ValueError("the basis is empty: say which edits these are, and who rated them")
    errors = np.array([np.subtract(edit.said, edit.rated) for edit in edits]).reshape(-1, len(DIMENSIONS))
    widths = {name: _half_width(errors[:, place], name, coverage) for place, name in enumerate(DIMENSIONS)}
    spread, how = _difference_spread(_overall_errors(edits, kind))
    sources = len({edit.source for edit in edits})
    return Calibration(
        scorer=scorer,
        coverage=coverage,
        half_widths=HalfWidths(**widths),
        decision_margin=min(WHOLE_SCALE, _rounded_up(NormalDist().inv_cdf(confidence) * spread)),
        difference_spread=_rounded_up(spread),
        basis=f"{len(edits)} edits of {sources} sources: {basis.strip()} {how}",
    )


def measured_edits(rated: Path, said: Said) -> tuple[list[MeasuredEdit], int]:
    """Edits with both kinds of scores, and how many rated ones have no others."""
    edits: list[MeasuredEdit] = []
    seen: set[tuple[str, ...]] = set()
    problems: list[str] = []
    for row, cells, scores in score_rows(rated):
        names = tuple(cells[name] for name in NAMES)
        if names in seen:
            problems.append(f"row {row}: the same edit as in an earlier row")
        elif names in said.scores:
            edits.append(MeasuredEdit(names[0], said.scores[names], scores))
        seen.add(names)
    if problems:
        raise BadRowsError(rated, problems)
    return edits, len(seen) - len(edits)


def read_said(path: Path) -> Said:
    """What `editrefiner score --csv` wrote; rows without scores are left out."""
    ends = [f"{name}_{end}" for name in DIMENSIONS for end in ("low", "high")]
    optional = dict.fromkeys((*DIMENSIONS, *ends, "overall", "error"), ())
    found: dict[tuple[str, ...], Three] = {}
    kinds: set[OverallKind] = {"geometric", "arithmetic"}
    digests: set[str] = set()
    problems: list[str] = []
    for row, cells in read_cells(path, dict.fromkeys((*NAMES, "backend_digest"), ()), optional):
        if cells.get("error"):
            continue
        digests.add(cells["backend_digest"])
        try:
            three = _scores(row, cells)
            found[tuple(cells[name] for name in NAMES)] = three
            kinds &= _kinds(three, number(cells.get("overall", ""), row, "overall"))
        except BadCellError as error:
            problems.append(str(error))
    if len(digests) > 1:
        problems.append(f"the rows are of {len(digests)} scorers; score them all with one")
    if not kinds:
        problems.append("overall follows from the three scores in no known way")
    if problems or not found:
        raise BadRowsError(path, problems or ["no row has scores"])
    return Said(digests.pop(), "geometric" if "geometric" in kinds else "arithmetic", found)


def _kinds(three: Three, overall: float) -> set[OverallKind]:
    """In which ways `overall` follows from the three; both where these are equal."""
    kinds: tuple[OverallKind, ...] = ("geometric", "arithmetic")
    return {kind for kind in kinds if abs(overall_score(*three, kind) - overall) <= ROUNDED}


def _scores(row: int, cells: Mapping[str, str]) -> Three:
    found: list[float] = []
    for name in DIMENSIONS:
        found.append(number(cells.get(name, ""), row, name))
        if not 0 <= found[-1] <= WHOLE_SCALE:
            raise BadCellError(row, name, "is no score of 0 to 100")
        ends = [number(cells.get(f"{name}_{end}", ""), row, f"{name}_{end}") for end in ("low", "high")]
        if ends != [0.0, WHOLE_SCALE]:
            raise BadCellError(row, name, "has an interval already: score with no calibration set")
    return found[0], found[1], found[2]


def _half_width(errors: np.ndarray, name: str, coverage: float) -> float:
    """The conformal quantile of the distances."""
    distances = np.sort(np.abs(errors[~np.isnan(errors)]))
    rank = math.ceil(round((len(distances) + 1) * coverage, 9))
    least = max(LEAST_EDITS, math.ceil(round(coverage / (1 - coverage), 9)))
    if len(distances) < least:
        raise TooLittleError(
            f"{name} is rated and scored for {len(distances)} edits; at least {least} are needed"
        )
    return min(WHOLE_SCALE, _rounded_up(float(distances[rank - 1])))


def _overall_errors(edits: Sequence[MeasuredEdit], kind: OverallKind) -> Mapping[str, Sequence[float]]:
    """By source, of the edits whose dimensions are all rated."""
    by_source: dict[str, list[float]] = {}
    for edit in edits:
        error = overall_score(*edit.said, kind) - overall_score(*edit.rated, kind)
        if not math.isnan(error):
            by_source.setdefault(edit.source, []).append(error)
    return by_source


def _difference_spread(errors: Mapping[str, Sequence[float]]) -> tuple[float, str]:
    """Points, and in words how they were measured, of the errors of each source's edits."""
    count = sum(map(len, errors.values()))
    if count < LEAST_EDITS or len(errors) < LEAST_SOURCES:
        raise TooLittleError(
            f"all three dimensions are rated for {count} edits of {len(errors)} sources; at least "
            f"{LEAST_EDITS} of {LEAST_SOURCES} are needed"
        )
    within = count - len(errors)
    if within >= LEAST_WITHIN:
        squares = sum(float(np.square(np.subtract(each, np.mean(each))).sum()) for each in errors.values())
        how = f"Differences were measured within sources, on {within} edits beyond the first of each."
        return math.sqrt(2 * squares / within), how
    everything = np.concatenate([np.asarray(each) for each in errors.values()])
    how = "Few sources have several edits: errors of a difference are taken as those of unrelated edits."
    return math.sqrt(2) * float(everything.std(ddof=1)), how


def _rounded_up(points: float) -> float:
    """To three decimals, never to a narrower claim."""
    return math.ceil(round(points * 1000, 6)) / 1000


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rated", type=Path, help="CSV of pairs with people's scores")
    parser.add_argument("scored", type=Path, help="what `editrefiner score --csv` wrote of the same pairs")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--basis", required=True, help="which edits, rated by whom, what is not among them")
    parser.add_argument("--coverage", type=float, default=COVERAGE, help=f"of the intervals ({COVERAGE})")
    parser.add_argument("--confidence", type=float, default=CONFIDENCE, help=f"at the margin ({CONFIDENCE})")
    asked = parser.parse_args(arguments)
    try:
        said = read_said(asked.scored)
        edits, absent = measured_edits(asked.rated, said)
        found = calibrate(
            edits,
            scorer=said.scorer,
            basis=asked.basis,
            kind=said.kind,
            coverage=asked.coverage,
            confidence=asked.confidence,
        )
        asked.out.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:  # BadRowsError and TooLittleError are among the latter
        print(error, file=sys.stderr)
        return 1
    print(f"{asked.out}: {len(edits)} edits, {absent} rated ones left out that have no scores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
