"""What do many raters think of an item? Mean opinion scores 0..100 from single ratings, raters screened.

As the EditFHF paper processes its ratings, in this order and for each dimension by itself:

1. A rating is an outlier where it lies further from the mean of all ratings of its item than two standard
   deviations; sqrt(20) of them where the ratings of the item are not bell-shaped, that is where their
   kurtosis m4 / m2^2 lies outside 2..4 (ITU-R BT.500, annex on the screening of observers).
2. A rater more than 5 % of whose ratings, over all dimensions, are outliers is left out altogether. BT.500
   leaves only those out whose outliers lie on both sides alike, |P - Q| / (P + Q) < 0.3, and keeps raters
   that are merely severe or mild; that is `two_sided`.
3. The ratings left become z-scores of their rater, z_j is the mean of those of an item, and its score is
   100 (z_j + 3) / 6 (Eq. 1), cut to 0..100.

With n ratings none can lie further out than (n - 1) / sqrt(n) standard deviations, so that items with fewer
than six ratings have no outliers, and with fewer than 22 none that sqrt(20) would find. The interval is that
of BT.500: 1.96 standard errors to either side.

    python -m training.evaluation.opinions ratings.csv --out scores.csv [--raters raters.csv]

reads `rater, item, dimension, score` and writes `item, dimension, score, half_width, ratings`.
"""

import argparse
import csv
import sys
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from training.evaluation.cells import BadCellError, number, read_cells
from training.labelled_files import BadRowsError

__all__ = ["Opinion", "Opinions", "Rater", "Rating", "Rules", "opinions", "read_ratings"]

COLUMNS = ("rater", "item", "dimension", "score")
BELL_SHAPED = (2.0, 4.0)  # kurtosis
SIGMAS, HEAVY_SIGMAS = 2.0, 20.0**0.5
Z_RANGE = 3.0  # z-scores -3..3 become 0..100
CONFIDENCE = 1.96  # 95 % of a normal distribution

Name = TypeVar("Name", bound=Hashable)


class Rating(NamedTuple):
    """One number that one rater gave to one item."""

    rater: str
    item: str
    dimension: str
    score: float


@dataclass(frozen=True)
class Rules:
    """What can be chosen about the screening."""

    max_outliers: float = 0.05
    """Largest share of outliers that a rater may have."""
    two_sided: float | None = None
    """Leave a rater out only where |P - Q| / (P + Q) is below this, 0.3 in BT.500; None = by the share."""


@dataclass(frozen=True)
class Opinion:
    """What is thought of one item in one dimension."""

    item: str
    dimension: str
    score: float
    """0..100."""
    half_width: float | None
    """Of the 95 % interval; None for a single rating, which tells nothing about its own spread."""
    ratings: int
    """Ratings that it is the mean of."""


@dataclass(frozen=True)
class Rater:
    """One line of the screening report."""

    name: str
    ratings: int
    high: int
    """Outliers above: P of BT.500."""
    low: int
    """Outliers below: Q."""
    verdict: Literal["kept", "outliers", "constant"]
    """`constant`: the same number for everything, from which there are no z-scores."""


@dataclass(frozen=True)
class Opinions:
    """Scores, and who had a say."""

    scores: tuple[Opinion, ...]
    """In the order in which items and dimensions were first rated."""
    raters: tuple[Rater, ...]
    """All of them, in the order of their first ratings."""
    lost: tuple[tuple[str, str], ...]
    """Items and dimensions with no rating left."""


def opinions(ratings: Sequence[Rating], rules: Rules = Rules()) -> Opinions:
    """Process a table of ratings; each rater rates an item once in a dimension."""
    if not ratings:
        raise ValueError("there are no ratings")
    scores = np.array([rating.score for rating in ratings], dtype=np.float64)
    if not np.isfinite(scores).all():
        raise ValueError("a score is no finite number")
    _refuse_repeated(ratings)
    raters, by_rater = _numbered([rating.rater for rating in ratings])
    places, by_place = _numbered([(rating.item, rating.dimension) for rating in ratings])
    scales, by_scale = _numbered([(rating.rater, rating.dimension) for rating in ratings])
    above, below = _outliers(scores, by_place, len(places))
    outlying = above | below

    counts = np.bincount(by_rater)
    high, low = (
        np.bincount(by_rater[above], minlength=len(raters)),
        np.bincount(by_rater[below], minlength=len(raters)),
    )
    rejected = (high + low) > rules.max_outliers * counts
    if rules.two_sided is not None:
        rejected &= np.abs(high - low) < rules.two_sided * (high + low)
    kept = ~outlying & ~rejected[by_rater]
    z, has_scale = _z_scores(scores, by_scale, kept, len(scales))
    kept &= has_scale
    silent = ~rejected & (np.bincount(by_rater[kept], minlength=len(raters)) == 0)
    report = tuple(
        Rater(
            name,
            int(counts[i]),
            int(high[i]),
            int(low[i]),
            "outliers" if rejected[i] else "constant" if silent[i] else "kept",
        )
        for i, name in enumerate(raters)
    )
    found, lost = _means(places, z[kept], by_place[kept])
    return Opinions(found, report, lost)


def read_ratings(path: Path) -> list[Rating]:
    """The ratings of a CSV file with the columns rater, item, dimension, score."""
    ratings: list[Rating] = []
    problems: list[str] = []
    for row, cells in read_cells(path, dict.fromkeys(COLUMNS, ())):
        try:
            ratings.append(
                Rating(
                    cells["rater"], cells["item"], cells["dimension"], number(cells["score"], row, "score")
                )
            )
        except BadCellError as exc:
            problems.append(str(exc))
    if problems:
        raise BadRowsError(path, problems)
    return ratings


def _refuse_repeated(ratings: Sequence[Rating]) -> None:
    seen: set[tuple[str, str, str]] = set()
    for rating in ratings:
        if rating[:3] in seen:
            raise ValueError(
                f"rater {rating.rater!r} rates item {rating.item!r} twice in {rating.dimension!r}: "
                "take the mean of repeated ratings first, or name the presentations apart"
            )
        seen.add(rating[:3])


def _numbered(names: Sequence[Name]) -> tuple[list[Name], np.ndarray]:
    """The different names in order of appearance, and for each place the number of its name."""
    numbers: dict[Name, int] = {}
    places = np.array([numbers.setdefault(name, len(numbers)) for name in names])
    return list(numbers), places


def _outliers(scores: np.ndarray, place: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(N,) bool twice: too far above and too far below the other ratings of the place."""
    n = np.bincount(place, minlength=count)
    apart = scores - (np.bincount(place, scores, count) / n)[place]
    m2 = np.bincount(place, apart**2, count) / n
    m4 = np.bincount(place, apart**4, count) / n
    deviation = np.sqrt(m2 * n / np.maximum(n - 1, 1))  # of a sample, as BT.500 has it
    kurtosis = np.divide(m4, m2**2, out=np.full(count, np.inf), where=m2 > 0)
    is_bell = (kurtosis >= BELL_SHAPED[0]) & (kurtosis <= BELL_SHAPED[1])
    limit = (np.where(is_bell, SIGMAS, HEAVY_SIGMAS) * deviation)[place]
    return apart > limit, apart < -limit


def _z_scores(
    scores: np.ndarray, scale: np.ndarray, kept: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) z-scores against what is kept of the same rater and dimension, and (N,) where there are any."""
    n = np.maximum(np.bincount(scale[kept], minlength=count), 1)
    apart = scores - (np.bincount(scale[kept], scores[kept], count) / n)[scale]
    squares = np.bincount(scale[kept], apart[kept] ** 2, count)
    deviation = np.sqrt(squares / np.maximum(n - 1, 1))
    has_scale = (deviation > 0)[scale]
    return np.divide(apart, deviation[scale], out=np.zeros_like(apart), where=has_scale), has_scale


def _means(
    places: list[tuple[str, str]], z: np.ndarray, place: np.ndarray
) -> tuple[tuple[Opinion, ...], tuple[tuple[str, str], ...]]:
    """The opinion of each place that has ratings, and the places that have none."""
    n = np.bincount(place, minlength=len(places))
    means = np.bincount(place, z, len(places)) / np.maximum(n, 1)
    squares = np.bincount(place, (z - means[place]) ** 2, len(places))
    errors = CONFIDENCE * np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
    found = [
        Opinion(
            item,
            dimension,
            score=float(np.clip(100 * (means[i] + Z_RANGE) / (2 * Z_RANGE), 0, 100)),
            half_width=float(100 * errors[i] / (2 * Z_RANGE)) if n[i] > 1 else None,
            ratings=int(n[i]),
        )
        for i, (item, dimension) in enumerate(places)
        if n[i]
    ]
    return tuple(found), tuple(name for name, count in zip(places, n, strict=True) if not count)


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("ratings", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="table of scores to write")
    parser.add_argument("--raters", type=Path, help="screening report to write")
    parser.add_argument("--max-outliers", type=float, default=Rules.max_outliers)
    parser.add_argument("--two-sided", type=float, help="0.3 for the rule of BT.500")
    asked = parser.parse_args(arguments)
    try:
        found = opinions(read_ratings(asked.ratings), Rules(asked.max_outliers, asked.two_sided))
    except (OSError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return 1
    rows = [
        (
            o.item,
            o.dimension,
            f"{o.score:.4f}",
            "" if o.half_width is None else f"{o.half_width:.4f}",
            o.ratings,
        )
        for o in found.scores
    ]
    _write(asked.out, ("item", "dimension", "score", "half_width", "ratings"), rows)
    if asked.raters:
        report = [(r.name, r.ratings, r.high, r.low, r.verdict) for r in found.raters]
        _write(asked.raters, ("rater", "ratings", "high", "low", "verdict"), report)
    kept = sum(rater.verdict == "kept" for rater in found.raters)
    print(f"{len(found.scores)} scores, {len(found.lost)} lost, {kept} of {len(found.raters)} raters kept")
    return 0


def _write(path: Path, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


if __name__ == "__main__":
    sys.exit(main())
