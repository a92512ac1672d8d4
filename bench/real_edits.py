"""What does `editrefiner refine` make of real edits? Guarantees checked from the files it writes.

    python -m bench.real_edits [--count 60] [--save DIRECTORY]

Takes triplets of every source repository in turn, runs the command line on each and compares files: the size,
every pixel where mask.png is 0, and the scores.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.planted import DATA
from bench.results_file import keep
from editrefiner.artifacts import decode_image
from editrefiner.contracts import ImageLimits


@dataclass(frozen=True)
class Outcome:
    """One refinement as its files tell it."""

    triplet: str
    exit_status: int
    wall_seconds: float
    stop_reason: str
    improved: bool
    holds_outside: bool
    never_worse: bool
    before: float
    after: float
    agent_seconds: dict[str, float]


def triplets(count: int) -> list[dict]:
    """Triplets from all sources in turn, from each in the order of its file."""
    by_source = defaultdict(list)
    with (DATA / "edits" / "triplets.jsonl").open() as lines:
        for line in lines:
            entry = json.loads(line)
            by_source[entry["id"].rsplit("-", 1)[0]].append(entry)
    turns = [entries[turn] for turn in range(count) for entries in by_source.values() if turn < len(entries)]
    return turns[:count]


def outside_is_equal(edited: Path, out: Path) -> bool:
    """Whether size and every pixel that mask.png leaves at 0 are those of the edit as given."""
    given = decode_image(edited.read_bytes(), ImageLimits()).pixels
    refined = decode_image((out / "refined.png").read_bytes(), ImageLimits()).pixels
    mask = cv2.imread(str(out / "mask.png"), cv2.IMREAD_GRAYSCALE)
    if mask is None or given.shape != refined.shape or mask.shape != given.shape[:2]:
        return False
    return bool(np.array_equal(given[mask == 0], refined[mask == 0]))


def refine(entry: dict, out: Path) -> Outcome:
    """Run the command line on one triplet."""
    edits = DATA / "edits"
    source, edited = edits / entry["source"], edits / entry["edited"]
    program = str(Path(sys.executable).with_name("editrefiner"))
    command = [program, "refine", str(source), str(edited), entry["instruction"], "-o", str(out), "--quiet"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - start
    if done.returncode != 0:
        print(done.stdout, done.stderr)
        return Outcome(entry["id"], done.returncode, wall, "crash", False, False, False, 0, 0, {})
    result = json.loads((out / "result.json").read_text())["job"]["result"]
    before, after = result["scores_before"]["overall"], result["scores_after"]["overall"]
    return Outcome(
        triplet=entry["id"],
        exit_status=0,
        wall_seconds=wall,
        stop_reason=result["stop_reason"],
        improved=result["improved"],
        holds_outside=outside_is_equal(edited, out),
        never_worse=after >= before,
        before=before,
        after=after,
        agent_seconds=result["agent_seconds"],
    )


def main() -> None:
    """Refine the triplets, print a line for each and the figures over all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--save", type=Path, help="keep the outputs here")
    options = parser.parse_args()
    outcomes = []
    for entry in triplets(options.count):
        with tempfile.TemporaryDirectory() as temporary:
            out = (options.save or Path(temporary)) / entry["id"]
            outcome = refine(entry, out)
        outcomes.append(outcome)
        print(
            f"{outcome.triplet:24} {outcome.wall_seconds:6.1f} s  {outcome.stop_reason:15} "
            f"{'changed  ' if outcome.improved else 'untouched'} "
            f"{outcome.before:5.1f} -> {outcome.after:5.1f}  "
            f"outside {'equal' if outcome.holds_outside else 'DIFFERS'}",
            flush=True,
        )
    seconds: Counter[str] = Counter()
    for outcome in outcomes:
        seconds.update(outcome.agent_seconds)
    total = sum(seconds.values()) or 1.0
    keep(
        "real_edits",
        {
            "triplets": len(outcomes),
            "sources": len({outcome.triplet.rsplit("-", 1)[0] for outcome in outcomes}),
            "crashes": sum(outcome.exit_status != 0 for outcome in outcomes),
            "outside_equal": sum(outcome.holds_outside for outcome in outcomes),
            "never_worse": sum(outcome.never_worse for outcome in outcomes),
            "improved": sum(outcome.improved for outcome in outcomes),
            "stop_reasons": Counter(outcome.stop_reason for outcome in outcomes),
            "median_wall_seconds": float(np.median([outcome.wall_seconds for outcome in outcomes])),
            "share_of_agent_seconds": {name: value / total for name, value in seconds.most_common()},
        },
    )


if __name__ == "__main__":
    main()
