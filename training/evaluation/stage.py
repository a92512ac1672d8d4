"""How is one stage trained and judged? By its own loss and figures, from the best of the stage before."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object, set_seed
from torch import Tensor, nn

from training.evaluation.config import STAGES, Config, Preferences, Scores, StageName
from training.evaluation.examples import Examples, Portion, open_tables
from training.evaluation.model import ScoringModel, build, write
from training.evaluation.objectives import Memory, Objective, objective
from training.order import shares
from training.portions import portions
from training.trainer import Course, Trainer

__all__ = ["StageTrainer", "judge"]


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


class StageTrainer(Trainer[Portion]):
    """One process of one stage."""

    def __init__(
        self, config: Config, name: StageName, start: Path | None, output: Path, accelerator: Accelerator
    ) -> None:
        self._config = config
        self._stage = stage = config.stages()[name]
        device = str(accelerator.device)
        self._memory = Memory(stage.remembered if isinstance(stage, Scores) else 0, device)
        self._objective = objective(stage, self._memory)
        learnt, judged = open_tables(config.data, pairs=isinstance(stage, Preferences))
        seed = config.seed + STAGES.index(name)
        set_seed(seed)  # alike in all processes: they start from one adapter and one head
        self._model, preprocessor, answer = build(config.model, self._objective.task, start, device)
        self._validation = Examples(judged, preprocessor, answer)
        course = Course(
            name=name,
            output=output,
            digest=config.digest(),
            pace=stage,
            optimizer=config.optimizer,
            learning_rate=stage.learning_rate,
            floor=stage.floor,
            warmup=stage.warmup,
            seed=config.seed,
            workers=config.data.workers,
            terms=self._objective.terms,
            figures=self._objective.figures,
            merit="merit",
            meritless="the validation edits give no figure: are there two that differ in score, and are "
            "the scores of the model not all the same?",
        )
        learning = Learning(self._model, self._memory)
        super().__init__(course, learning, self._model, Examples(learnt, preprocessor, answer), accelerator)
        set_seed(seed, device_specific=True)  # each process drops out units of its own

    def lost(self, model: nn.Module, portion: Portion) -> Tensor:
        """The terms of the objective."""
        shown = portion.to(self._accelerator.device)
        return self._objective.loss(model(shown.batch, shown.places), shown.targets)

    def after_step(self) -> None:
        """Remember what all processes have seen."""
        self._memory.commit(gather_object(self._memory.take()))

    def judged(self) -> Mapping[str, float]:
        """The figures of the validation edits."""
        return judge(
            self._model,
            self._validation,
            self._objective,
            self._accelerator,
            batch=self._stage.batch,
            workers=self._config.data.workers,
        )

    def write(self, directory: Path) -> None:
        """Adapter and head in the published layout."""
        write(directory, self._model, self._config.model.base)


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
    for portion in portions(examples, passes, workers):
        shown = portion.to(accelerator.device)
        scores = asked.scores(model(shown.batch, shown.places)).cpu()
        rows += zip(scores.tolist(), portion.targets.tolist(), strict=True)
    model.train(was_training)
    everything = gather_object(rows)
    scores, targets = (torch.tensor([row[i] for row in everything], dtype=torch.float64) for i in (0, 1))
    return asked.judged(scores, targets)
