"""Does evaluation see planted flaws, and how far do its scores move where nothing changed?

python -m bench.evaluation_planted [--pairs 12] [--split report]

`dev` is for looking at; `report` is measured on photos nobody tuned on.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator

import cv2
import numpy as np

from bench.planted import FLAWS, Flaw, Photo, PlantedPair, clean_recolor_pair, clean_tone_pair, photos
from bench.planted import planted_pair as planted
from bench.results_file import keep
from editrefiner.contracts import DIMENSIONS, overall_score
from services.evaluation.agent import Marks
from services.evaluation.backends import load_backend
from services.evaluation.settings import Settings

PERCENTILE = 95
COPIES = ("jpeg_95", "jpeg_90", "half_pixel", "rescaled")
SCORES = ("overall", *DIMENSIONS)
SCORER = load_backend(Settings())
Moves = dict[str, list[np.ndarray]]
"""Copy -> differences of (overall, *DIMENSIONS) from the picture it was made of."""


def copy_of(picture: np.ndarray, how: str) -> np.ndarray:
    """The same picture, as another program would have kept it."""
    height, width = picture.shape[:2]
    match how:
        case "half_pixel":
            shift = np.array([[1, 0, 0.5], [0, 1, 0.5]])
            return cv2.warpAffine(
                picture, shift, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
            )
        case "rescaled":
            size = round(width * 0.99), round(height * 0.99)
            return cv2.resize(picture, size, interpolation=cv2.INTER_LANCZOS4)
        case _:
            quality = int(how.removeprefix("jpeg_"))
            encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
            assert decoded is not None  # these bytes were encoded two lines above
            return np.ascontiguousarray(decoded[..., ::-1])


def scores(pair: PlantedPair, *pictures: np.ndarray) -> np.ndarray:
    """(len(pictures), 4): overall and the dimensions of each."""
    found = SCORER.score(pair.source, pictures, pair.instruction, lambda: None)
    return np.array([_row(marks) for marks in found])


def _row(marks: Marks) -> tuple[float, ...]:
    values = [getattr(marks, name).value for name in DIMENSIONS]
    return overall_score(*values), *values


def remeasure(pair: PlantedPair, moves: Moves, *others: np.ndarray) -> np.ndarray:
    """Scores of the edit and of `others`; how far its copies move is added to `moves`."""
    copies = [copy_of(pair.edited, how) for how in COPIES]
    found = scores(pair, pair.edited, *others, *copies)
    for how, row in zip(COPIES, found[len(others) + 1 :], strict=True):
        moves[how].append(np.abs(row - found[0]))
    return found[: len(others) + 1]


def flaw_figures(flaw: Flaw, pool: list[Photo], count: int, moves: Moves) -> dict[str, float]:
    """How often the flawed edit scores below the flawless one, and by how much."""
    gains = []
    for seed, photo in enumerate(pool):
        pair = planted(photo, flaw, seed, pool[(seed + 1) % len(pool)].pixels())
        if pair is None:
            continue
        flawed, ideal = remeasure(pair, moves, pair.ideal)
        gains.append(ideal[0] - flawed[0])
        if len(gains) == count:
            break
    return {
        "pairs": len(gains),
        "below": float(np.mean(np.array(gains) > 0)),
        "below_by_margin": float(np.mean(np.array(gains) > SCORER.decision_margin)),
        "above_by_margin": float(np.mean(np.array(gains) < -SCORER.decision_margin)),
        "median_gain": round(float(np.median(gains)), 3),
    }


def clean_pairs(pool: list[Photo], count: int) -> Iterator[PlantedPair]:
    """Flawless edits, `count` of each kind."""
    yield from (clean_tone_pair(photo, seed) for seed, photo in enumerate(pool[:count]))
    recolored = (clean_recolor_pair(photo, seed) for seed, photo in enumerate(pool))
    yield from [pair for pair, _ in zip(filter(None, recolored), range(count), strict=False)]


def spread(rows: list[np.ndarray]) -> dict[str, float]:
    """95th percentile of the differences, per score."""
    limits = np.percentile(np.array(rows), PERCENTILE, axis=0)
    return {name: round(float(limit), 3) for name, limit in zip(SCORES, limits, strict=True)}


def held(rows: list[np.ndarray]) -> float:
    """Share of the copies whose overall score stays within the decision margin."""
    return round(float(np.mean(np.array(rows)[:, 0] <= SCORER.decision_margin)), 3)


def main() -> None:
    """Score every pair, print one line per flaw and one per kind of copy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--split", choices=("dev", "report"), default="report")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    pool = photos(options.split)
    moves: Moves = defaultdict(list)
    flaws = {}
    for flaw in FLAWS:
        flaws[flaw] = flaw_figures(flaw, pool, options.pairs, moves)
        print(f"{flaw:20} {flaws[flaw]}", flush=True)
    for pair in clean_pairs(pool, options.pairs):
        remeasure(pair, moves)
    spreads = {how: spread(rows) for how, rows in moves.items()}
    copies = [row for rows in moves.values() for row in rows]
    spreads["all"] = spread(copies)
    for how, limits in spreads.items():
        print(f"{how:20} {limits}", flush=True)
    print(f"{'within the margin':20} {held(copies)}", flush=True)
    if options.split == "report":
        figures = {
            "decision_margin": SCORER.decision_margin,
            "flaws": flaws,
            "copies": len(copies),
            "moves_p95": spreads,
            "within_margin": held(copies),
        }
        keep("evaluation_planted", figures)


if __name__ == "__main__":
    main()
