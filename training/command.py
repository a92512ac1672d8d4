"""How is a recipe started? From the command line, with accelerate, and with what went wrong in one line."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from accelerate import Accelerator

from editrefiner.contracts import ProblemError
from training.labelled_files import BadRowsError
from training.recipe_file import ConfigError
from training.states import StateError
from training.trainer import Outcome, TrainingError

__all__ = ["accelerated", "run_recipe"]

Train = Callable[[Path, bool, int | None], list[Outcome]]
"""Of a configuration file, whether to resume, and how many steps to take; None = all."""


def accelerated(device: Literal["auto", "cpu"], precision: Literal["bf16", "float32"]) -> Accelerator:
    """The devices that accelerate was started on, or the CPU."""
    return Accelerator(cpu=device == "cpu", mixed_precision="bf16" if precision == "bf16" else "no")


def run_recipe(description: str | None, train: Train, arguments: list[str] | None) -> int:
    """Train as the arguments say and print how it ended; 1 where it cannot be done."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="TOML file, such as qwen3vl_8b.toml")
    parser.add_argument("--resume", action="store_true", help="go on from the newest state of the output")
    parser.add_argument("--stop-after", type=int, metavar="STEPS", help="keep a state and end after so many")
    options = parser.parse_args(arguments)
    try:
        outcomes = train(options.config, options.resume, options.stop_after)
    except (ConfigError, StateError, TrainingError, BadRowsError, ProblemError, FileNotFoundError) as exc:
        print(exc, file=sys.stderr)
        return 1
    for outcome in outcomes:
        print(outcome)
    return 0
