"""What does orchestration cost? The same refinements plainly, embedded and over HTTP, in turns.

python -m bench.overhead [--pictures 6] [--rounds 2]

Ratios are of the seconds of a job to those of the plain loop on the same picture right before it, so load on
the machine strikes both sides. See `bench.overhead_arms` for what each side does.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import httpx
import numpy as np

from bench.cpu import children_cpu_seconds
from bench.megapixel import megapixel_pairs
from bench.overhead_arms import Child, Run, Task, refine_task_as_job
from bench.overhead_parts import PARTS, parts
from bench.results_file import keep
from bench.stopwatch import read_trace
from deploy.local import Topology
from editrefiner.client import JobsClient

ARMS = ("plain", "embedded", "processes")
GOAL = 1.10
COMMANDS = {
    "plain": ["overhead_arms plain"],
    "embedded": ["overhead_arms embedded"],
    "processes": ["-m orchestrator", " orchestrator worker", " services."],
}
"""How the Python processes of each arm are told apart; database and broker servers are in none."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One picture refined by every arm."""

    runs: dict[str, Run]
    parts: dict[str, dict[str, float]]
    cpu: dict[str, float]
    """Processor seconds of the arm's Python processes."""

    def ratio(self, arm: str) -> float:
        """Seconds of the arm as a multiple of the plain loop's."""
        return self.runs[arm].seconds / self.runs["plain"].seconds

    def cpu_ratio(self, arm: str) -> float:
        """The same in processor seconds, which other load on the machine changes little."""
        return self.cpu[arm] / self.cpu["plain"]


def tasks(pictures: int, rounds: int) -> Iterator[tuple[int, str, bytes, bytes]]:
    """Round, instruction and two PNGs. Each round marks a pixel, so that nothing is answered from the store.

    Round 0 has one picture, to warm up.
    """
    pairs = list(megapixel_pairs(pictures))
    for number in range(rounds + 1):
        for pair in pairs if number else pairs[:1]:
            source, edited = pair.source.copy(), pair.edited.copy()
            source[0, 0] = edited[0, 0] = (number, number, number)
            yield number, pair.instruction, foreign_png(source), foreign_png(edited)


def foreign_png(pixels: np.ndarray) -> bytes:
    """A PNG as another program writes it: the suite reads its own ones faster."""
    encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
    return encoded.tobytes()


class Processes:
    """The topology over HTTP, its worker and agents under a stopwatch."""

    def __init__(self, folder: Path, trace: Path) -> None:
        watched = ["-m", "bench.stopwatch", str(trace)]
        self._topology = Topology(
            folder, workers=1, agent_command=lambda agent: [*watched, f"services.{agent}"]
        )
        self._topology.processes["worker-0"].command[1:] = [*watched, "orchestrator", "worker"]

    def __enter__(self) -> Self:
        self._topology.start()
        self._runner = asyncio.Runner()
        self._http = httpx.AsyncClient(trust_env=False, timeout=120)
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._http.aclose())
        self._runner.close()
        self._topology.stop()

    def refine(self, task: Task) -> Run:
        """Refine one picture by the job API."""
        jobs = JobsClient(self._http, self._topology.api_url)
        return self._runner.run(refine_task_as_job(task, jobs, jobs.wait, jobs.artifact))


def measure(pictures: int, rounds: int, folder: Path) -> list[Measured]:
    """Refine every picture by every arm in turn."""
    traces = {arm: folder / f"{arm}.jsonl" for arm in ARMS}
    measured = []
    with ExitStack() as stack:
        refiners: dict[str, Callable[[Task], Run]] = {
            "plain": stack.enter_context(Child("plain", folder, traces["plain"])).refine,
            "embedded": stack.enter_context(Child("embedded", folder, traces["embedded"])).refine,
            "processes": stack.enter_context(Processes(folder / "processes", traces["processes"])).refine,
        }
        for number, instruction, source, edited in tasks(pictures, rounds):
            files = {name: folder / f"{name}.png" for name in ("source", "edited", *ARMS)}
            files["source"].write_bytes(source)
            files["edited"].write_bytes(edited)
            given = str(files["source"]), str(files["edited"]), instruction
            runs, cpu = {}, {}
            for arm, refine in refiners.items():
                before = children_cpu_seconds(*COMMANDS[arm])
                runs[arm] = refine(Task(*given, str(files[arm])))
                cpu[arm] = children_cpu_seconds(*COMMANDS[arm]) - before
            if len({files[arm].read_bytes() for arm in ARMS}) != 1:
                raise RuntimeError("the arms came to different pictures: they did not do the same work")
            shares = {
                arm: parts(run, read_trace(traces[arm], run.began, run.done)) for arm, run in runs.items()
            }
            one = Measured(runs, shares, cpu)
            ratios = "  ".join(f"{arm} {one.ratio(arm):.3f}" for arm in ARMS[1:])
            print(f"round {number}  plain {runs['plain'].seconds:.2f} s  {ratios}", flush=True)
            if number > 0:
                measured.append(one)
    return measured


def summary(measured: list[Measured]) -> dict[str, Any]:
    """Seconds, ratios and parts: medians over all pictures and rounds, with quartiles of the ratios."""
    figures: dict[str, Any] = {"refinements_by_each": len(measured), "goal_ratio": GOAL}
    for arm in ARMS:
        ratios = [one.ratio(arm) for one in measured]
        low, middle, high = np.percentile(ratios, [25, 50, 75])
        figures[arm] = {
            "median_seconds": _median(one.runs[arm].seconds for one in measured),
            "ratio": {
                "median": float(middle),
                "quartiles": [float(low), float(high)],
                "of_minima": min(one.runs[arm].seconds for one in measured)
                / min(one.runs["plain"].seconds for one in measured),
            },
            "cpu": {
                "median_seconds": _median(one.cpu[arm] for one in measured),
                "median_ratio": _median(one.cpu_ratio(arm) for one in measured),
            },
            "median_milliseconds_by_part": {
                part: 1000 * _median(one.parts[arm][part] for one in measured) for part in PARTS
            },
        }
    return figures


def show(figures: dict[str, Any]) -> None:
    """Print the summary as two small tables."""
    for arm in ARMS:
        ratio = figures[arm]["ratio"]
        low, high = ratio["quartiles"]
        print(
            f"{arm:10} {figures[arm]['median_seconds']:6.2f} s   x plain {ratio['median']:.3f} "
            f"[{low:.3f} {high:.3f}]   of minima {ratio['of_minima']:.3f}   "
            f"processor time x {figures[arm]['cpu']['median_ratio']:.3f}"
        )
    print(f"{'ms by part':18}" + "".join(f"{arm:>11}" for arm in ARMS))
    for part, meaning in PARTS.items():
        row = "".join(f"{figures[arm]['median_milliseconds_by_part'][part]:11.1f}" for arm in ARMS)
        print(f"{part:18}{row}   {meaning}")


def _median(values: Iterable[float]) -> float:
    return float(np.median(list(values)))


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        figures = summary(measure(options.pictures, options.rounds, Path(folder)))
    show(figures)
    keep("overhead", {"parts": PARTS, **figures})


if __name__ == "__main__":
    main()
