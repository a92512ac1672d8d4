"""Does the loop keep repairs and refuse vain attempts? Its own decision, on attempts whose truth is known.

python -m bench.scoring_attempts [--records 300]

Edits of photographs that training never saw, with painted flaws by generators seen in training and kept from
it. Attempts at one flaw: the ideal edit, the flaw taken away or made weaker, the place filled in from around
it, from another photograph, or with the source. Beside the scorer stand the rules that it replaced.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence

import cv2
import numpy as np

from bench.results_file import keep
from editrefiner.contracts import DIMENSIONS, Intervals, RefinementParameters, Scores
from orchestrator.rounds import judge
from services.evaluation.backends.compact import CompactScorer
from services.evaluation.backends.intent import read_intent
from services.evaluation.backends.look import look
from services.evaluation.backends.marks import points
from training.compact_scorer.sets import another
from training.compact_scorer.variants import Rated, flawed, ideal, repaired, spoiled
from training.flaws.photos import photos
from training.flaws.record import FlawRecord
from training.flaws.stream import FlawStream

SEED = 505
RULES_MARGIN = 1.1  # that the rules shipped with: 95 % of copies of an edit stayed within it
BETTER = 5.0, 15.0  # points of the true overall score from which a gain is some, and large
VAIN = 3  # attempts that make up a round, as many as a job asks for
ANYWHERE = (0.0, 100.0)
INTERVALS = Intervals(
    perceptual_quality=ANYWHERE, instruction_following=ANYWHERE, visual_consistency=ANYWHERE
)
TOLERANCE = RefinementParameters().tolerance


class Judges:
    """The scorer and the rules, each with its margin."""

    def __init__(self) -> None:
        self._scorer = CompactScorer()

    def __call__(self, record: FlawRecord, edits: Sequence[np.ndarray]) -> dict[str, list[Scores]]:
        """Scores of each edit, by judge."""
        marks = self._scorer.score(record.source, edits, record.instruction, lambda: None)
        told = [[getattr(m, name).value for name in DIMENSIONS] for m in marks]
        asked = read_intent(record.instruction)
        ruled = []
        for edited in edits:
            seen = look(record.source, edited, asked)
            found = points(seen.measures, seen.split, asked)
            ruled.append([found.quality, found.following, found.consistency])
        margin = self._scorer.decision_margin
        return {
            "compact": [scores(values, margin) for values in told],
            "rules (version 1)": [scores(values, RULES_MARGIN) for values in ruled],
        }


def scores(values: Sequence[float], margin: float) -> Scores:
    """As the service would answer them."""
    named = dict(zip(DIMENSIONS, values, strict=True))
    return Scores(**named, intervals=INTERVALS, decision_margin=margin)


def attempts(record: FlawRecord, pool: Sequence[np.ndarray], rng: np.random.Generator) -> list[Rated]:
    """Good and vain ones."""
    made = [ideal(record, pool[0], rng), repaired(record, pool[0], rng)]
    made += [spoiled(record, other, rng) for other in pool]
    return [rated for rated in made if rated]


def main() -> None:
    """Report for single attempts and for rounds of several."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=300)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    judges, known = Judges(), photos("report")
    stream = FlawStream(known, SEED, "all", flawless=0.0)
    singles: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    rounds: dict[str, list[bool]] = defaultdict(list)
    for index in range(options.records):
        record, rng = stream.record(index), np.random.default_rng([SEED, index])
        base = flawed(record, record.source, rng)
        made = attempts(record, [another(known, record, rng) for _ in range(VAIN)], rng)
        gains = [rated.scores.overall - base.scores.overall for rated in made]
        vain = [number for number, gain in enumerate(gains) if gain <= 0]
        for name, (given, *told) in judges(record, [r.picture for r in (base, *made)]).items():
            for gain, candidate in zip(gains, told, strict=True):
                kept = judge(given, {0: candidate}, TOLERANCE).accepted is not None
                singles[name].append((gain, kept))
            if len(vain) >= VAIN:
                several = {number: told[number] for number in vain[:VAIN]}
                rounds[name].append(judge(given, several, TOLERANCE).accepted is not None)
    keep("scoring_attempts", {name: _figures(singles[name], rounds[name]) for name in singles})


def _figures(singles: list[tuple[float, bool]], rounds: list[bool]) -> dict[str, float | int]:
    gains, kept = (np.array(column) for column in zip(*singles, strict=True))
    some, large = (gains > least for least in BETTER)
    return {
        "vain attempts": int((gains <= 0).sum()),
        "vain attempts kept": float(kept[gains <= 0].mean()),
        f"rounds of {VAIN} vain attempts": len(rounds),
        "such rounds that keep one": float(np.mean(rounds)) if rounds else float("nan"),
        f"repairs by more than {BETTER[0]:g} points": int(some.sum()),
        f"repairs by more than {BETTER[0]:g} points kept": float(kept[some].mean()),
        f"repairs by more than {BETTER[1]:g} points": int(large.sum()),
        f"repairs by more than {BETTER[1]:g} points kept": float(kept[large].mean()),
    }


if __name__ == "__main__":
    main()
