"""How does a training go? Steps of AdamW, judged, kept to resume from, and stopped when stale."""

import itertools
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from accelerate import Accelerator
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import Tensor, nn

from training import states
from training.logs import Logs
from training.order import epoch_steps
from training.portions import Examples, portions
from training.recipe_file import AdamW, Pace
from training.states import Learner, Progress

__all__ = ["Course", "Outcome", "Trainer", "TrainingError", "learning_rate"]

Portion = TypeVar("Portion")


class TrainingError(RuntimeError):
    """The training cannot go on; the message says what to change."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended."""

    name: str
    """What was trained: a stage of the scorer, or one of the detectors."""
    progress: Progress
    finished: bool
    """False when it was told to stop before the end."""
    stopped_early: bool
    """The figures did not get better for as many judgements as the patience."""


@dataclass(frozen=True)
class Course:
    """What is settled before the first step."""

    name: str
    output: Path
    """Directory for weights, states and logs."""
    digest: str
    """Of everything that decides about the numbers."""
    pace: Pace
    optimizer: AdamW
    learning_rate: float
    """The highest."""
    floor: float
    warmup: float
    """Share of the steps over which the learning rate rises."""
    seed: int
    """Of the order of the edits."""
    workers: int
    terms: Sequence[str]
    """What `Trainer.lost` gives; the first is the loss."""
    figures: Sequence[str]
    """What `Trainer.judged` gives."""
    merit: str
    """The figure that the best weights have the most of."""
    meritless: str
    """What may be wrong where there is no such figure."""


class Trainer(ABC, Generic[Portion]):
    """One process of a training. A recipe says what is lost on a pass and how a model is judged."""

    def __init__(
        self,
        course: Course,
        learner: Learner,
        model: nn.Module,
        examples: Examples[Portion],
        accelerator: Accelerator,
    ) -> None:
        self._course, self._learner, self._examples = course, learner, examples
        self._accelerator = accelerator
        self._learns = list(learner.trained().values())
        settings = course.optimizer
        self._optimizer = torch.optim.AdamW(
            self._learns,
            lr=course.learning_rate,
            betas=settings.betas,
            eps=settings.epsilon,
            weight_decay=settings.weight_decay,
        )
        self._wrapped: nn.Module = accelerator.prepare_model(model)
        self._steps_per_epoch = len(self._epoch(0))
        self._total = self._steps_per_epoch * course.pace.epochs

    @abstractmethod
    def lost(self, model: nn.Module, portion: Portion) -> Tensor:
        """The terms of the course on one pass, means over its edits, by the model as accelerate has it."""

    @abstractmethod
    def judged(self) -> Mapping[str, float]:
        """The figures of the course. Every process judges its share and gets the figures of all."""

    @abstractmethod
    def write(self, directory: Path) -> None:
        """Write what a service loads."""

    def after_step(self) -> None:
        """What a recipe does when the optimizer has taken a step: nothing, unless it says otherwise."""

    def run(self, *, resume: bool, stop_after: int | None) -> Outcome:
        """Train to the end, to an early stop, or for `stop_after` steps of this call."""
        course, progress = self._course, Progress()
        if resume and states.latest(course.output) is not None:
            progress = states.restore(
                course.output, self._learner, self._optimizer, self._accelerator, course.digest
            )
        end = self._total if stop_after is None else min(self._total, progress.step + stop_after)
        logs = self._logs(progress.step)
        self._wrapped.train()
        with self._bar() as bar:
            task = bar.add_task(course.name, total=self._total, completed=progress.step)
            for passes, shown in self._steps(progress.step):
                if progress.step >= end or self._is_stale(progress):
                    break
                figures = self._step(progress.step, passes, shown)
                progress = replace(progress, step=progress.step + 1)
                if logs:
                    logs.add("training", figures)
                progress = self._after(progress, logs, end)
                best = "" if progress.best is None else f", best {course.merit} {progress.best:.3f}"
                said = f"{course.name}: loss {figures['loss']:.3f}{best}"
                bar.update(task, completed=progress.step, description=said)
        if logs:
            logs.close()
        stale = self._is_stale(progress)
        finished = stale or progress.step == self._total
        if finished:
            self._keep("last")
        return Outcome(course.name, progress, finished, stopped_early=stale and progress.step < self._total)

    def _steps(self, taken: int) -> Iterator[tuple[int, Iterator[Portion]]]:
        """The number of passes and the passes of each step after the first `taken`."""
        for epoch in range(taken // self._steps_per_epoch, self._course.pace.epochs):
            steps = self._epoch(epoch)[max(0, taken - epoch * self._steps_per_epoch) :]
            passes = list(itertools.chain.from_iterable(steps))
            shown = portions(self._examples, passes, self._course.workers)
            for step in steps:
                yield len(step), itertools.islice(shown, len(step))

    def _epoch(self, epoch: int) -> list[list[list[int]]]:
        return epoch_steps(
            len(self._examples),
            seed=self._course.seed,
            epoch=epoch,
            batch=self._course.pace.batch,
            accumulation=self._course.pace.accumulation,
            rank=self._accelerator.process_index,
            processes=self._accelerator.num_processes,
        )

    def _step(self, step: int, passes: int, shown: Iterator[Portion]) -> dict[str, float]:
        """One step of the optimizer over several passes; its figures, as means over all processes."""
        course = self._course
        rate = learning_rate(
            course.learning_rate, course.floor, warmup=course.warmup, step=step, total=self._total
        )
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        sums = torch.zeros(len(course.terms), device=self._accelerator.device)
        for number, portion in enumerate(shown, start=1):
            # Gradients are shared between processes once a step, with the last pass.
            waits = nullcontext() if number == passes else self._accelerator.no_sync(self._wrapped)
            with waits:
                terms = self.lost(self._wrapped, portion) / passes
                self._accelerator.backward(terms[0])
            sums += terms.detach()
        clipped: Any = self._accelerator.clip_grad_norm_(self._learns, course.optimizer.clip)
        norm = float(clipped)
        if not math.isfinite(norm):
            raise TrainingError(f"the gradient of step {step + 1} is {norm}: lower the learning rate")
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.after_step()
        means: Any = self._accelerator.reduce(sums, "mean")
        return {
            "step": step + 1,
            "epoch": step // self._steps_per_epoch + 1,
            "learning_rate": rate,
            "gradient_norm": norm,
            **dict(zip(course.terms, means.tolist(), strict=True)),
        }

    def _after(self, progress: Progress, logs: Logs | None, end: int) -> Progress:
        """What happens between two steps: a judgement and a state, where it is time for them."""
        course, step = self._course, progress.step
        if step % course.pace.validate_every == 0 or step % self._steps_per_epoch == 0:
            progress = self._judge(progress, logs)
        if step % course.pace.save_every == 0 or step == end or self._is_stale(progress):
            states.save(
                course.output, progress, self._learner, self._optimizer, self._accelerator, course.digest
            )
        return progress

    def _judge(self, progress: Progress, logs: Logs | None) -> Progress:
        figures = self.judged()
        merit = figures[self._course.merit]
        if math.isnan(merit):
            raise TrainingError(self._course.meritless)
        if logs:
            epoch = -(-progress.step // self._steps_per_epoch)
            logs.add("validation", {"step": progress.step, "epoch": epoch, **figures})
        judged = progress.judged(merit)
        if judged.best_step == judged.step:
            self._keep("best")
        return judged

    def _keep(self, name: str) -> None:
        if self._accelerator.is_main_process:
            self.write(self._course.output / name)
        self._accelerator.wait_for_everyone()

    def _is_stale(self, progress: Progress) -> bool:
        return progress.stale >= self._course.pace.patience

    def _logs(self, step: int) -> Logs | None:
        if not self._accelerator.is_main_process:
            return None
        columns = ("learning_rate", "gradient_norm", *self._course.terms)
        return Logs(self._course.output, training=columns, validation=self._course.figures, step=step)

    def _bar(self) -> Bar:
        return Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not (self._accelerator.is_main_process and sys.stderr.isatty()),
        )


def learning_rate(highest: float, floor: float, *, warmup: float = 0.0, step: int, total: int) -> float:
    """Of the step after so many: up in a line, never 0, then down to the floor's share in a cosine."""
    rising = warmup * total
    if step < rising:
        return highest * (step + 1) / (rising + 1)
    falling = (step - rising) / (total - rising)
    return highest * (floor + (1 - floor) * (1 + math.cos(math.pi * falling)) / 2)
