"""What can be measured? `python -m bench` runs all of it, small; `--list` names it, NAME ... picks from it.

Small runs take a few minutes together and leave their results in out/bench. The kept ones in bench/results
come from the programs themselves with their defaults; bench/README.md has the figures.
"""

import argparse
import importlib.util
import runpy
import subprocess
import sys
from pathlib import Path

from bench import results_file
from bench.planted import DATA

SMALL = {
    "overhead": ["--pictures", "2", "--rounds", "1"],
    "job_api": ["--rounds", "1", "--seconds", "2"],
    "store_scale": ["--rounds", "1"],
    "planted_loop": ["--photos", "2"],
    "real_edits": ["--count", "4"],
    "clean_edits": ["--pairs", "3"],
    "action_planted": ["--split", "report", "--pairs", "2", "--no-write"],
    "reasoning_planted": ["--pairs", "3"],
    "evaluation_planted": ["--pairs", "2"],
    "perception_synthetic": ["--records", "4", "--each", "1", "--clean", "4"],
    "perception_real": ["--count", "4"],
    "perception_speed": ["--rounds", "1"],
    "scoring_synthetic": ["--records", "3", "--steps", "1", "--pairs", "3"],
    "scoring_attempts": ["--records", "3"],
    "noisy_judge": ["--jobs", "50"],
}
WITHOUT_PHOTOGRAPHS = {"job_api", "store_scale", "perception_speed", "noisy_judge"}
OUT = Path("out") / "bench"


def question(name: str) -> str:
    """The first line of the program's description."""
    spec = importlib.util.find_spec(f"bench.{name}")
    assert spec is not None, f"bench.{name} is in the list"
    assert spec.origin is not None, "a module has a file"
    return Path(spec.origin).read_text().partition('"""')[2].partition("\n")[0].rstrip('"')


def run_here(name: str) -> None:
    """Run one benchmark small in this process."""
    OUT.mkdir(parents=True, exist_ok=True)
    results_file.RESULTS = OUT
    sys.argv = [name, *SMALL[name]]
    runpy.run_module(f"bench.{name}", run_name="__main__")


def main() -> int:
    """Run each benchmark in a process of its own; the status is that of the worst."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run; all by default")
    parser.add_argument("--list", action="store_true", help="say what there is and end")
    parser.add_argument("--here", action="store_true", help="run them in this process")
    options = parser.parse_args()
    names = options.names or list(SMALL)
    if unknown := set(names) - set(SMALL):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; choose from {', '.join(SMALL)}")
    if options.list:
        for name in names:
            print(f"{name:20} {question(name)}")
        return 0
    if options.here:
        for name in names:
            run_here(name)
        return 0
    return max(_run(name) for name in names)


def _run(name: str) -> int:
    print(f"\n{name}: {question(name)}", flush=True)
    if name not in WITHOUT_PHOTOGRAPHS and not DATA.exists():
        print(f"left out: the photographs are not at {DATA}", flush=True)
        return 0
    done = subprocess.run([sys.executable, "-m", "bench", "--here", name], check=False)
    return abs(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
