"""Which edits of a source are rated together? Edits, rising flaws, repairs, distortions that people rated."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from editrefiner.contracts import FlawType
from training.compact_scorer.distortions import DISTORTIONS, LEVELS, distorted, opinions
from training.compact_scorer.variants import Rated, flawed, ideal, rated, repaired, spoiled, variants
from training.flaws.photos import Photo, scene
from training.flaws.record import FlawRecord
from training.flaws.scene import Flaw, Random
from training.flaws.scores import WORST
from training.flaws.stream import FlawStream

FLAWLESS = 0.1  # of the records: the ideal edits of the others are flawless too
RISES = ((0.15, 0.4), (0.4, 0.7), (0.7, 1.0))
"""Strengths that one flaw is shown at."""
AT_LEVELS = 2  # that one distortion is shown at
Set = Callable[[Sequence[Photo], int, int], Iterator[tuple[FlawRecord, Rated]]]
"""(photographs, seed, number) -> edits of one source, each with its record."""


def edits(pool: Sequence[Photo], seed: int, index: int) -> Iterator[tuple[FlawRecord, Rated]]:
    """A flawed edit, the ideal one, and one that is worse or that cheats."""
    record = FlawStream(pool, seed, flawless=FLAWLESS).record(index)
    rng = np.random.default_rng([seed, index, 1])
    for found in variants(record, another(pool, record, rng), rng):
        yield record, found


def strengths(pool: Sequence[Photo], seed: int, index: int) -> Iterator[tuple[FlawRecord, Rated]]:
    """The ideal edit, and the same flaw at rising strength; types in turn."""
    flaw_type = tuple(FlawType)[index % len(FlawType)]
    rng = np.random.default_rng([seed, index, 2])
    first: FlawRecord | None = None
    for least, most in RISES:
        at = float(rng.uniform(least, most))
        record = FlawStream(pool, seed, only=flaw_type, strength=(at, at)).record(index)
        if first is None:
            first = record
            yield record, ideal(record, record.source, rng)
        if np.array_equal(
            record.source, first.source
        ):  # a faint flaw may find no place where a strong one does
            yield record, rated("flawed", record.edited, record.flaws, record)


def repairs(pool: Sequence[Photo], seed: int, index: int) -> Iterator[tuple[FlawRecord, Rated]]:
    """A flawed edit and what attempts to mend it come to: what a refinement compares."""
    record = FlawStream(pool, seed, flawless=0.0).record(index)
    rng = np.random.default_rng([seed, index, 4])
    other = another(pool, record, rng)
    for make in (flawed, repaired, spoiled, ideal):
        if found := make(record, other, rng):
            yield record, found


def distortions(pool: Sequence[Photo], seed: int, index: int) -> Iterator[tuple[FlawRecord, Rated]]:
    """The ideal edit, and the same distortion of its whole frame at two levels, as people rated them."""
    record = FlawStream(pool, seed, flawless=1.0).record(index)
    rng = np.random.default_rng([seed, index, 3])
    yield record, rated("ideal", record.edited, [], record)
    name = tuple(DISTORTIONS)[index % len(DISTORTIONS)]
    for level in rng.choice(len(LEVELS), AT_LEVELS, replace=False):
        picture = distorted(record.edited, name, int(level), rng)
        yield record, rated("distorted", picture, [_of_frame(picture, name, int(level))], record)


SETS: dict[str, Set] = {
    "edits": edits,
    "strengths": strengths,
    "repairs": repairs,
    "distortions": distortions,
}


def another(pool: Sequence[Photo], record: FlawRecord, rng: Random) -> np.ndarray:
    """A photograph of the pool, cut to the frame of a record."""
    return scene(pool[int(rng.integers(len(pool)))], record.edited.shape[:2], rng).picture


def _of_frame(picture: np.ndarray, name: str, level: int) -> Flaw:
    """A distortion as a flaw of the whole frame, so severe that quality becomes what people said."""
    height, width = picture.shape[:2]
    severity = (1 - opinions()[name, level] / 100) / WORST
    everywhere = np.ones((height, width), bool)
    kind = FlawType.BLUR if name == "blur" else FlawType.NOISE
    return Flaw(kind, name, everywhere, (0, 0, width, height), 1.0, severity, name)
