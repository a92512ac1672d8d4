"""How is the 8B detector trained? LoRA and decoder on labelled edits, judged and stopped by CC.

    python -m training.perception.train --config FILE [--resume] [--stop-after STEPS]
    python -m torch.distributed.run --nproc_per_node 4 -m training.perception.train --config FILE

Departures from the paper's release: the loss of `losses.py`, gradients that are shared between processes,
judgement on validation edits with early stopping, weights and statistics of the decoder in float32, and a
last short step of an epoch that counts. Settings are those of `qwen3vl_8b.toml`.

The output directory holds `best` and `last` (adapter and decoder in the published layout, which the service
loads as they are), `state-<step>` (to resume from), `training.csv`, `validation.csv` and, where TensorBoard
is installed, `tensorboard`.
"""

import argparse
import itertools
import math
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, set_seed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import Tensor, nn

from bench.saliency import METRICS
from editrefiner.contracts import ProblemError
from training import states
from training.labelled_files import BadRowsError
from training.logs import Logs
from training.perception.config import Config, ConfigError, Optimizer, read_config
from training.perception.examples import Examples, Portion, loader, open_source
from training.perception.losses import LossWeights, saliency_loss
from training.perception.model import build, write
from training.perception.order import epoch_steps
from training.perception.validate import judge
from training.states import Progress, StateError

__all__ = ["Outcome", "TrainingError", "train"]

TERMS = ("loss", "l1", "bce", "kld")
JUDGED = (*METRICS, *(f"{name}_pairs" for name in METRICS))


class TrainingError(RuntimeError):
    """The training cannot go on; the message says what to change."""


@dataclass(frozen=True)
class Outcome:
    """How a call of `train` ended."""

    progress: Progress
    finished: bool
    """False when it was told to stop before the end."""
    stopped_early: bool
    """CC did not get better for as many judgements as the patience."""


def train(config: Config, *, resume: bool = False, stop_after: int | None = None) -> Outcome:
    """Train to the end, to an early stop, or for `stop_after` steps of this call."""
    precision = "bf16" if config.model.precision == "bf16" else "no"
    accelerator = Accelerator(cpu=config.device == "cpu", mixed_precision=precision)
    if not resume and states.latest(config.output) is not None:
        raise StateError(f"{config.output} holds a training already: resume it, or name another output")
    trainer = Trainer(config, accelerator)
    return trainer.run(resume=resume, stop_after=stop_after)


class Trainer:
    """One process of a training."""

    def __init__(self, config: Config, accelerator: Accelerator) -> None:
        self._config = config
        self._accelerator = accelerator
        kind = config.model.kind
        train_edits = open_source(config.data.train, "train", kind)
        judged_edits = open_source(config.data.validation, "validation", kind)
        set_seed(config.schedule.seed)  # alike in all processes: they start from one adapter and one decoder
        self._model, preprocessor = build(config.model, str(accelerator.device))
        self._examples = Examples(train_edits, preprocessor, kind)
        self._judged = Examples(judged_edits, preprocessor, kind)
        if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
            # One picture is a poor sample for the statistics of the decoder; one per process is a better one.
            nn.SyncBatchNorm.convert_sync_batchnorm(self._model.decoder)  # in place
        self._learns = list(self._model.trained().values())
        settings = config.optimizer
        self._optimizer = torch.optim.AdamW(
            self._learns,
            lr=settings.learning_rate,
            betas=settings.betas,
            eps=settings.epsilon,
            weight_decay=settings.weight_decay,
        )
        self._wrapped: nn.Module = accelerator.prepare_model(self._model)
        self._weights = LossWeights(config.loss.alpha, config.loss.beta)
        set_seed(config.schedule.seed, device_specific=True)  # each process drops out channels of its own
        self._steps_per_epoch = len(self._epoch(0))
        self._total = self._steps_per_epoch * config.schedule.epochs

    def run(self, *, resume: bool, stop_after: int | None) -> Outcome:
        """See `train`."""
        progress = Progress()
        if resume:
            progress = states.restore(
                self._config.output, self._model, self._optimizer, self._accelerator, self._config.digest()
            )
        end = self._total if stop_after is None else min(self._total, progress.step + stop_after)
        logs = self._logs(progress.step)
        self._model.train()
        with self._bar() as bar:
            task = bar.add_task("training", total=self._total, completed=progress.step)
            for passes, portions in self._portions(progress.step):
                if progress.step >= end or self._is_stale(progress):
                    break
                figures = self._step(progress.step, passes, portions)
                progress = replace(progress, step=progress.step + 1)
                if logs:
                    logs.add("training", figures)
                progress = self._after(progress, logs, end)
                best = "" if progress.best is None else f", best CC {progress.best:.3f}"
                bar.update(task, completed=progress.step, description=f"loss {figures['loss']:.3f}{best}")
        if logs:
            logs.close()
        stale = self._is_stale(progress)
        finished = stale or progress.step == self._total
        if finished:
            self._write("last")
        return Outcome(progress, finished=finished, stopped_early=stale and progress.step < self._total)

    def _portions(self, taken: int) -> Iterator[tuple[int, Iterator[Portion]]]:
        """The number of passes and the passes of each step after the first `taken`."""
        for epoch in range(taken // self._steps_per_epoch, self._config.schedule.epochs):
            steps = self._epoch(epoch)[max(0, taken - epoch * self._steps_per_epoch) :]
            passes = list(itertools.chain.from_iterable(steps))
            portions: Iterator[Any] = iter(loader(self._examples, passes, self._config.data.workers))
            for step in steps:
                yield len(step), itertools.islice(portions, len(step))

    def _epoch(self, epoch: int) -> list[list[list[int]]]:
        schedule = self._config.schedule
        return epoch_steps(
            len(self._examples),
            seed=schedule.seed,
            epoch=epoch,
            batch=schedule.batch,
            accumulation=schedule.accumulation,
            rank=self._accelerator.process_index,
            processes=self._accelerator.num_processes,
        )

    def _step(self, step: int, passes: int, portions: Iterator[Portion]) -> dict[str, float]:
        """One step of the optimizer over several passes; its figures, as means over all processes."""
        rate = learning_rate(self._config.optimizer, step / self._total)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        sums = torch.zeros(len(TERMS), device=self._accelerator.device)
        for number, portion in enumerate(portions, start=1):
            # Gradients are shared between processes once a step, with the last pass.
            waits = nullcontext() if number == passes else self._accelerator.no_sync(self._wrapped)
            with waits:
                terms = self._terms(portion.to(self._accelerator.device)) / passes
                self._accelerator.backward(terms[0])
            sums += terms.detach()
        clipped: Any = self._accelerator.clip_grad_norm_(self._learns, self._config.optimizer.clip)
        norm = float(clipped)
        if not math.isfinite(norm):
            raise TrainingError(f"the gradient of step {step + 1} is {norm}: lower the learning rate")
        self._optimizer.step()
        self._optimizer.zero_grad()
        means: Any = self._accelerator.reduce(sums, "mean")
        return {
            "step": step + 1,
            "epoch": step // self._steps_per_epoch + 1,
            "learning_rate": rate,
            "gradient_norm": norm,
            **dict(zip(TERMS, means.tolist(), strict=True)),
        }

    def _terms(self, portion: Portion) -> Tensor:
        """(4,): loss, L1, BCE and KLD, means over the edits of one pass."""
        rows = []
        for logits, label in zip(self._wrapped(portion.batch), portion.labels, strict=True):
            terms = saliency_loss(logits, label, self._weights)
            rows.append(torch.stack([terms.total, terms.l1, terms.bce, terms.kld]))
        return torch.stack(rows).mean(dim=0)

    def _after(self, progress: Progress, logs: Logs | None, end: int) -> Progress:
        """What happens between two steps: a judgement and a state, where it is time for them."""
        schedule, step = self._config.schedule, progress.step
        if step % schedule.validate_every == 0 or step % self._steps_per_epoch == 0:
            progress = self._judge(progress, logs)
        if step % schedule.save_every == 0 or step == end or self._is_stale(progress):
            states.save(
                self._config.output,
                progress,
                self._model,
                self._optimizer,
                self._accelerator,
                self._config.digest(),
            )
        return progress

    def _judge(self, progress: Progress, logs: Logs | None) -> Progress:
        if self._accelerator.num_processes > 1:
            for statistic in self._model.decoder.buffers():
                statistic.copy_(broadcast(statistic))  # each process has gathered its own
        figures = judge(self._model, self._judged, self._config, self._accelerator)
        if math.isnan(figures["cc"]):
            raise TrainingError("no validation edit has a CC: is any of their labels more than an empty map?")
        if logs:
            epoch = -(-progress.step // self._steps_per_epoch)
            logs.add("validation", {"step": progress.step, "epoch": epoch, **figures})
        judged = progress.judged(figures["cc"])
        if judged.best_step == judged.step:
            self._write("best")
        return judged

    def _write(self, name: str) -> None:
        if self._accelerator.is_main_process:
            settings = self._config.model
            write(self._config.output / name, self._model, settings.kind, settings.base)
        self._accelerator.wait_for_everyone()

    def _is_stale(self, progress: Progress) -> bool:
        return progress.stale >= self._config.schedule.patience

    def _logs(self, step: int) -> Logs | None:
        if not self._accelerator.is_main_process:
            return None
        columns = ("learning_rate", "gradient_norm", *TERMS)
        return Logs(self._config.output, training=columns, validation=JUDGED, step=step)

    def _bar(self) -> Bar:
        return Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not (self._accelerator.is_main_process and sys.stderr.isatty()),
        )


def learning_rate(settings: Optimizer, done: float) -> float:
    """Cosine from the full rate towards its floor, by the share of all steps that are done."""
    share = settings.floor + (1 - settings.floor) * (1 + math.cos(math.pi * done)) / 2
    return settings.learning_rate * share


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="TOML file, such as qwen3vl_8b.toml")
    parser.add_argument("--resume", action="store_true", help="go on from the newest state of the output")
    parser.add_argument("--stop-after", type=int, metavar="STEPS", help="keep a state and end after so many")
    options = parser.parse_args(arguments)
    try:
        outcome = train(read_config(options.config), resume=options.resume, stop_after=options.stop_after)
    except (ConfigError, StateError, TrainingError, BadRowsError, ProblemError, FileNotFoundError) as exc:
        print(exc, file=sys.stderr)
        return 1
    print(f"{outcome}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
