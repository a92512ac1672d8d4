"""How is one stage trained? Steps of AdamW, judged, kept to resume from, and stopped when stale."""

import itertools
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object, set_seed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import Tensor, nn

from training import states
from training.evaluation.config import STAGES, Config, Preferences, Scores, Stage, StageName
from training.evaluation.examples import Examples, Portion, loader, open_tables
from training.evaluation.model import ScoringModel, build, write
from training.evaluation.objectives import Memory, Objective, objective
from training.logs import Logs
from training.perception.order import epoch_steps, shares
from training.states import Progress

__all__ = ["Outcome", "StageTrainer", "TrainingError", "judge", "learning_rate"]


class TrainingError(RuntimeError):
    """The training cannot go on; the message says what to change."""


@dataclass(frozen=True)
class Outcome:
    """How a stage ended."""

    stage: StageName
    progress: Progress
    finished: bool
    """False when it was told to stop before the end."""
    stopped_early: bool
    """The figures did not get better for as many judgements as the patience."""


@dataclass(frozen=True)
class Learning:
    """The model and what it remembers, as states keep them."""

    model: ScoringModel
    memory: Memory

    def trained(self) -> Mapping[str, nn.Parameter]:
        """Those of the model."""
        return self.model.trained()

    def changing(self) -> Mapping[str, Tensor]:
        """Those of the model, and what is remembered."""
        return {**self.model.changing(), "memory": self.memory.rows}


class StageTrainer:
    """One process of one stage."""

    def __init__(
        self, config: Config, name: StageName, start: Path | None, output: Path, accelerator: Accelerator
    ) -> None:
        self._config, self._output = config, output
        self._name: StageName = name
        self._stage: Stage = config.stages()[name]
        self._accelerator = accelerator
        device = str(accelerator.device)
        remembered = self._stage.remembered if isinstance(self._stage, Scores) else 0
        memory = Memory(remembered, device)
        self._objective = objective(self._stage, memory)
        learnt, judged = open_tables(config.data, pairs=isinstance(self._stage, Preferences))
        seed = config.seed + STAGES.index(name)
        set_seed(seed)  # alike in all processes: they start from one adapter and one head
        model, preprocessor, answer = build(config.model, self._objective.task, start, device)
        self._learning = Learning(model, memory)
        self._examples = Examples(learnt, preprocessor, answer)
        self._judged = Examples(judged, preprocessor, answer)
        self._learns = list(model.trained().values())
        settings = config.optimizer
        self._optimizer = torch.optim.AdamW(
            self._learns,
            lr=self._stage.learning_rate,
            betas=settings.betas,
            eps=settings.epsilon,
            weight_decay=settings.weight_decay,
        )
        self._wrapped: nn.Module = accelerator.prepare_model(model)
        set_seed(seed, device_specific=True)  # each process drops out units of its own
        self._steps_per_epoch = len(self._epoch(0))
        self._total = self._steps_per_epoch * self._stage.epochs

    def run(self, *, resume: bool, stop_after: int | None) -> Outcome:
        """Train to the end, to an early stop, or for `stop_after` steps of this call."""
        progress = Progress()
        if resume and states.latest(self._output) is not None:
            progress = states.restore(
                self._output, self._learning, self._optimizer, self._accelerator, self._config.digest()
            )
        end = self._total if stop_after is None else min(self._total, progress.step + stop_after)
        logs = self._logs(progress.step)
        self._learning.model.train()
        with self._bar() as bar:
            task = bar.add_task(self._name, total=self._total, completed=progress.step)
            for passes, portions in self._portions(progress.step):
                if progress.step >= end or self._is_stale(progress):
                    break
                figures = self._step(progress.step, passes, portions)
                progress = replace(progress, step=progress.step + 1)
                if logs:
                    logs.add("training", figures)
                progress = self._after(progress, logs, end)
                best = "" if progress.best is None else f", best {progress.best:.3f}"
                said = f"{self._name}: loss {figures['loss']:.3f}{best}"
                bar.update(task, completed=progress.step, description=said)
        if logs:
            logs.close()
        stale = self._is_stale(progress)
        finished = stale or progress.step == self._total
        if finished:
            self._write("last")
        return Outcome(self._name, progress, finished, stopped_early=stale and progress.step < self._total)

    def _portions(self, taken: int) -> Iterator[tuple[int, Iterator[Portion]]]:
        """The number of passes and the passes of each step after the first `taken`."""
        for epoch in range(taken // self._steps_per_epoch, self._stage.epochs):
            steps = self._epoch(epoch)[max(0, taken - epoch * self._steps_per_epoch) :]
            passes = list(itertools.chain.from_iterable(steps))
            portions: Iterator[Any] = iter(loader(self._examples, passes, self._config.data.workers))
            for step in steps:
                yield len(step), itertools.islice(portions, len(step))

    def _epoch(self, epoch: int) -> list[list[list[int]]]:
        return epoch_steps(
            len(self._examples),
            seed=self._config.seed,
            epoch=epoch,
            batch=self._stage.batch,
            accumulation=self._stage.accumulation,
            rank=self._accelerator.process_index,
            processes=self._accelerator.num_processes,
        )

    def _step(self, step: int, passes: int, portions: Iterator[Portion]) -> dict[str, float]:
        """One step of the optimizer over several passes; its figures, as means over all processes."""
        rate = learning_rate(self._stage, step, self._total)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        sums = torch.zeros(len(self._objective.terms), device=self._accelerator.device)
        for number, portion in enumerate(portions, start=1):
            # Gradients are shared between processes once a step, with the last pass.
            waits = nullcontext() if number == passes else self._accelerator.no_sync(self._wrapped)
            with waits:
                shown = portion.to(self._accelerator.device)
                output = self._wrapped(shown.batch, shown.places)
                terms = self._objective.loss(output, shown.targets) / passes
                self._accelerator.backward(terms[0])
            sums += terms.detach()
        clipped: Any = self._accelerator.clip_grad_norm_(self._learns, self._config.optimizer.clip)
        norm = float(clipped)
        if not math.isfinite(norm):
            raise TrainingError(f"the gradient of step {step + 1} is {norm}: lower the learning rate")
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._learning.memory.commit(gather_object(self._learning.memory.take()))
        means: Any = self._accelerator.reduce(sums, "mean")
        return {
            "step": step + 1,
            "epoch": step // self._steps_per_epoch + 1,
            "learning_rate": rate,
            "gradient_norm": norm,
            **dict(zip(self._objective.terms, means.tolist(), strict=True)),
        }

    def _after(self, progress: Progress, logs: Logs | None, end: int) -> Progress:
        """What happens between two steps: a judgement and a state, where it is time for them."""
        step = progress.step
        if step % self._stage.validate_every == 0 or step % self._steps_per_epoch == 0:
            progress = self._judge(progress, logs)
        if step % self._stage.save_every == 0 or step == end or self._is_stale(progress):
            digest = self._config.digest()
            states.save(self._output, progress, self._learning, self._optimizer, self._accelerator, digest)
        return progress

    def _judge(self, progress: Progress, logs: Logs | None) -> Progress:
        figures = judge(
            self._learning.model,
            self._judged,
            self._objective,
            self._accelerator,
            batch=self._stage.batch,
            workers=self._config.data.workers,
        )
        if math.isnan(figures["merit"]):
            raise TrainingError(
                "the validation edits give no figure: are there two that differ in score, and are "
                "the scores of the model not all the same?"
            )
        if logs:
            epoch = -(-progress.step // self._steps_per_epoch)
            logs.add("validation", {"step": progress.step, "epoch": epoch, **figures})
        judged = progress.judged(figures["merit"])
        if judged.best_step == judged.step:
            self._write("best")
        return judged

    def _write(self, name: str) -> None:
        if self._accelerator.is_main_process:
            write(self._output / name, self._learning.model, self._config.model.base)
        self._accelerator.wait_for_everyone()

    def _is_stale(self, progress: Progress) -> bool:
        return progress.stale >= self._stage.patience

    def _logs(self, step: int) -> Logs | None:
        if not self._accelerator.is_main_process:
            return None
        columns = ("learning_rate", "gradient_norm", *self._objective.terms)
        return Logs(self._output, training=columns, validation=self._objective.figures, step=step)

    def _bar(self) -> Bar:
        return Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not (self._accelerator.is_main_process and sys.stderr.isatty()),
        )


@torch.no_grad()
def judge(
    model: ScoringModel,
    examples: Examples,
    asked: Objective,
    accelerator: Accelerator,
    *,
    batch: int,
    workers: int,
) -> Mapping[str, float]:
    """The figures of the edits. Every process scores its share and gets the figures of all."""
    passes = shares(
        len(examples), batch=batch, rank=accelerator.process_index, processes=accelerator.num_processes
    )
    was_training = model.training
    model.eval()
    rows: list[tuple[list[Any], list[float]]] = []
    for portion in loader(examples, passes, workers):
        shown = portion.to(accelerator.device)
        scores = asked.scores(model(shown.batch, shown.places)).cpu()
        rows += zip(scores.tolist(), portion.targets.tolist(), strict=True)
    model.train(was_training)
    everything = gather_object(rows)
    scores, targets = (torch.tensor([row[i] for row in everything], dtype=torch.float64) for i in (0, 1))
    return asked.judged(scores, targets)


def learning_rate(stage: Stage, step: int, total: int) -> float:
    """Of the step after so many: up in a line, never 0, then down to the floor in a cosine."""
    rising = stage.warmup * total
    if step < rising:
        return stage.learning_rate * (step + 1) / (rising + 1)
    falling = (step - rising) / (total - rising)
    share = stage.floor + (1 - stage.floor) * (1 + math.cos(math.pi * falling)) / 2
    return stage.learning_rate * share
