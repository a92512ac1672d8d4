"""How is the 8B scorer trained? Levels, then scores, then preferences, each from the best of the one before.

    python -m training.evaluation.train --config FILE [--resume] [--stop-after STEPS]
    python -m torch.distributed.run --nproc_per_node 4 -m training.evaluation.train --config FILE

Departures from the paper's release: stage 1 is there; PLCC is taken for each dimension; scores are 0..1 in
the loss; gradients are shared between processes; judgement is on validation edits, and a table of the test
that shares a picture with them is refused. Settings are those of `qwen3vl_8b.toml`.

The output directory has a folder for each stage with `best` and `last` (adapter and head in the published
layout, which the service loads as they are), `state-<step>` (to resume from), `training.csv`,
`validation.csv` and, where TensorBoard is installed, `tensorboard`.
"""

import argparse
import sys
from pathlib import Path

from accelerate import Accelerator

from editrefiner.contracts import ProblemError
from training import states
from training.evaluation.config import Config, ConfigError, read_config
from training.evaluation.stage import Outcome, StageTrainer, TrainingError
from training.labelled_files import BadRowsError
from training.states import StateError

__all__ = ["train"]


def train(config: Config, *, resume: bool = False, stop_after: int | None = None) -> list[Outcome]:
    """Train the stages that are configured, for `stop_after` steps of this call at most.

    A stage that is through is not trained again; its outcome is among those returned all the same.
    """
    precision = "bf16" if config.model.precision == "bf16" else "no"
    accelerator = Accelerator(cpu=config.device == "cpu", mixed_precision=precision)
    stages = list(config.stages())
    begun = [name for name in stages if states.latest(config.output / name) is not None]
    if begun and not resume:
        raise StateError(f"{config.output} holds a training already: resume it, or name another output")
    if resume and not begun:
        raise StateError(f"{config.output} holds no state to resume from")
    outcomes: list[Outcome] = []
    start, left = config.model.start, stop_after
    for name in stages:
        output = config.output / name
        before = states.latest(output)
        outcomes.append(
            StageTrainer(config, name, start, output, accelerator).run(resume=resume, stop_after=left)
        )
        accelerator.free_memory()  # or the next stage's base would lie beside this one's
        if not outcomes[-1].finished:
            break
        if left is not None:
            left -= outcomes[-1].progress.step - states.step_of(before)
            if left <= 0:
                break
        start = output / "best"
    return outcomes


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="TOML file, such as qwen3vl_8b.toml")
    parser.add_argument("--resume", action="store_true", help="go on from the newest state of the output")
    parser.add_argument("--stop-after", type=int, metavar="STEPS", help="keep a state and end after so many")
    options = parser.parse_args(arguments)
    try:
        outcomes = train(read_config(options.config), resume=options.resume, stop_after=options.stop_after)
    except (ConfigError, StateError, TrainingError, BadRowsError, ProblemError, FileNotFoundError) as exc:
        print(exc, file=sys.stderr)
        return 1
    for outcome in outcomes:
        print(outcome)
    return 0


if __name__ == "__main__":
    sys.exit(main())
