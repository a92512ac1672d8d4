"""Do scores follow flaws of known severity, on photographs and kinds of flaws that training never saw?

python -m bench.scoring_synthetic [--records 200] [--steps 8] [--pairs 150] [--clip FILE] [--plots FILE]
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from bench.agreement import agreement
from bench.reference_metrics import Metric, metrics
from bench.results_file import keep
from editrefiner.contracts import DIMENSIONS, FlawType, overall_score
from services.evaluation.backends.compact import CompactScorer
from services.evaluation.marks import Marks
from training.compact_scorer.sets import another
from training.compact_scorer.variants import OTHERS, Rated, flawed, ideal
from training.flaws import generators
from training.flaws.photos import photos
from training.flaws.record import FlawRecord
from training.flaws.scores import NominalScores
from training.flaws.stream import FlawStream

SEED = 404
STRENGTHS = (0.2, 0.45, 0.7, 0.95)
LEAST_STEP = 1.0  # points of the true overall score: a smaller step is none
SCORES = (*DIMENSIONS, "overall")


class Report:
    """Scores as the service does, and keeps what the figures are drawn from."""

    def __init__(self) -> None:
        self._scorer = CompactScorer()
        self.decision_margin = self._scorer.decision_margin
        self._photos = photos("report")
        self.pairs: list[dict[str, object]] = []
        self.series: list[dict[str, object]] = []

    def correlations(
        self, use: generators.Use, count: int, references: dict[str, Metric]
    ) -> dict[str, object]:
        """Agreement with the nominal scores of flawed, ideal and cheating edits, beside the references."""
        told: dict[str, list[tuple[float, ...]]] = defaultdict(list)
        truth: list[tuple[float, ...]] = []
        inside: list[list[bool]] = []
        widths: list[list[float]] = []
        for record, rated in self._edits(use, count):
            marks = self._marks(record, rated.picture)
            true = of(rated.scores)
            truth.append(true)
            told["compact"].append(values(marks))
            estimates = [getattr(marks, name) for name in DIMENSIONS]
            inside.append([e.low <= t <= e.high for e, t in zip(estimates, true[:3], strict=True)])
            widths.append([max(e.value - e.low, e.high - e.value) for e in estimates])
            for name, metric in references.items():
                told[name].append((metric(record.source, rated.picture),) * len(SCORES))
            self.pairs.append(
                {
                    "split": use,
                    "source": f"{use}-{record.seed[1]}",
                    "true": true[:3],
                    "told": values(marks)[:3],
                    "half_width": widths[-1],
                }
            )
        columns = {name: np.array(rows).T for name, rows in told.items()}
        return {
            "edits": len(truth),
            "agreement": {
                name: {
                    s: agreement(column, true)
                    for s, column, true in zip(SCORES, rows, np.array(truth).T, strict=True)
                }
                for name, rows in columns.items()
            },
            "inside the 90 % interval": dict(zip(DIMENSIONS, np.mean(inside, axis=0).tolist(), strict=True)),
            "half width": dict(zip(DIMENSIONS, np.mean(widths, axis=0).tolist(), strict=True)),
        }

    def steps(self, each: int) -> dict[str, float]:
        """Share of steps up in strength, per type of flaw, that lower the overall score."""
        return {flaw_type.value: self._falls(flaw_type, each) for flaw_type in FlawType}

    def repairs(self, count: int) -> float:
        """Share of flawed edits whose ideal scores higher."""
        rises = []
        for record, rng in self._records("all", count, flawless=0.0):
            other = another(self._photos, record, rng)
            worse, better = (maker(record, other, rng) for maker in (flawed, ideal))
            if better.scores.overall - worse.scores.overall > LEAST_STEP:
                below, above = (values(self._marks(record, rated.picture))[3] for rated in (worse, better))
                rises.append(above > below)
        return float(np.mean(rises))

    def cheats(self, count: int) -> dict[str, dict[str, float | int]]:
        """What a way of cheating gets, beside the flawed edit that it was made from."""
        rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
        for record, rng in self._records("all", count, flawless=0.0):
            other = another(self._photos, record, rng)
            given = flawed(record, other, rng)
            before = values(self._marks(record, given.picture))[3]
            for _, maker in OTHERS:
                if (rated := maker(record, other, rng)) is None:
                    continue
                _, following, consistency, after = values(self._marks(record, rated.picture))
                accepted = after > before + self.decision_margin
                better = rated.scores.overall > given.scores.overall
                rows[rated.name].append(
                    (after, following, consistency, accepted, better, accepted and not better)
                )
        names = (
            "overall",
            *DIMENSIONS[1:],
            "accepted over the flawed edit",
            "truly better than it",
            "accepted and truly no better",
        )
        return {
            kind: {"edits": len(found), **dict(zip(names, np.mean(found, axis=0).tolist(), strict=True))}
            for kind, found in rows.items()
        }

    def noise(self, count: int = 20) -> dict[str, float]:
        """Mean half widths of intervals where an edit is nothing but noise: they have to be wide."""
        widths = []
        for record, rng in self._records("seen", count, flawless=1.0):
            picture = rng.integers(0, 256, record.edited.shape, np.uint8)
            estimates = [getattr(self._marks(record, picture), name) for name in DIMENSIONS]
            widths.append([max(e.value - e.low, e.high - e.value) for e in estimates])
        return dict(zip(DIMENSIONS, np.mean(widths, axis=0).tolist(), strict=True))

    def _falls(self, flaw_type: FlawType, each: int) -> float:
        falls = []
        for index in range(each):
            scored: list[tuple[float, float]] = []
            first: np.ndarray | None = None
            for strength in STRENGTHS:
                stream = FlawStream(self._photos, SEED, only=flaw_type, strength=(strength, strength))
                record = stream.record(index)
                first = record.source if first is None else first
                if np.array_equal(record.source, first):
                    rated = flawed(record, record.source, np.random.default_rng(index))
                    scored.append((rated.scores.overall, values(self._marks(record, rated.picture))[3]))
            for (true_weak, weak), (true_strong, strong) in pairwise(scored):
                if true_weak - true_strong > LEAST_STEP:
                    falls.append(strong < weak)
            if len(scored) == len(STRENGTHS):
                true, told = zip(*scored, strict=True)
                self.series.append(
                    {"type": flaw_type.value, "strengths": STRENGTHS, "overall": told, "true": true}
                )
        return float(np.mean(falls)) if falls else float("nan")

    def _edits(self, use: generators.Use, count: int) -> Iterator[tuple[FlawRecord, Rated]]:
        for record, rng in self._records(use, count, flawless=0.1):
            other = another(self._photos, record, rng)
            yield record, flawed(record, other, rng)
            yield record, ideal(record, other, rng)
            maker = OTHERS[int(rng.integers(len(OTHERS)))][1]
            if rated := maker(record, other, rng):
                yield record, rated

    def _records(
        self, use: generators.Use, count: int, *, flawless: float
    ) -> Iterator[tuple[FlawRecord, np.random.Generator]]:
        stream = FlawStream(self._photos, SEED, use, flawless=flawless)
        for index in range(count):
            yield stream.record(index), np.random.default_rng([SEED, index, 1])

    def _marks(self, record: FlawRecord, edited: np.ndarray) -> Marks:
        return self._scorer.score(record.source, [edited], record.instruction, lambda: None)[0]


def values(marks: Marks) -> tuple[float, ...]:
    """The three scores and overall, in the order of SCORES."""
    three = [getattr(marks, name).value for name in DIMENSIONS]
    return *three, overall_score(*three)


def of(scores: NominalScores) -> tuple[float, ...]:
    """The same of nominal scores."""
    return *(getattr(scores, name) for name in DIMENSIONS), scores.overall


def main() -> None:
    """Report on both splits of generators."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=200, help="per split")
    parser.add_argument("--steps", type=int, default=8, help="series of rising strength per type of flaw")
    parser.add_argument("--pairs", type=int, default=150, help="flawed edits to repair or to cheat with")
    parser.add_argument("--clip", type=Path, help="CLIP ViT-B/16 image tower as ONNX, for one more reference")
    parser.add_argument("--plots", type=Path, help="for bench.scoring_plots and bench.noisy_judge")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    report, references = Report(), metrics(options.clip)
    figures: dict[str, object] = {
        f"{use} generators, unseen photos": report.correlations(use, options.records, references)
        for use in ("seen", "unseen")
    }
    figures["half width of noise"] = report.noise()
    figures["steps in strength that lower overall"] = report.steps(options.steps)
    figures["repairs that raise overall"] = report.repairs(options.pairs)
    figures["cheating"] = report.cheats(options.pairs)
    keep("scoring_synthetic", figures)
    if options.plots:
        told = {"decision_margin": report.decision_margin, "pairs": report.pairs, "series": report.series}
        options.plots.write_text(json.dumps(told))


if __name__ == "__main__":
    main()
