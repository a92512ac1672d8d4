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

import sys

from training import states
from training.command import accelerated, run_recipe
from training.evaluation.config import Config, read_config
from training.evaluation.stage import StageTrainer
from training.trainer import Outcome

__all__ = ["train"]


def train(config: Config, *, resume: bool = False, stop_after: int | None = None) -> list[Outcome]:
    """Train the stages that are configured, for `stop_after` steps of this call at most.

    A stage that is through is not trained again; its outcome is among those returned all the same.
    """
    accelerator = accelerated(config.device, config.model.precision)
    stages = list(config.stages())
    begun = any(states.latest(config.output / name) is not None for name in stages)
    states.check_begun(config.output, begun=begun, resume=resume)
    outcomes: list[Outcome] = []
    start, left = config.model.start, stop_after
    for name in stages:
        output = config.output / name
        before = states.latest(output)
        trainer = StageTrainer(config, name, start, output, accelerator)
        outcomes.append(trainer.run(resume=resume, stop_after=left))
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
    return run_recipe(
        __doc__,
        lambda path, resume, stop_after: train(read_config(path), resume=resume, stop_after=stop_after),
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
