"""What does a stage ask for? Its loss on a pass, and its figures on the edits it is judged by.

Levels and scores are judged by the mean over dimensions of PLCC + SRCC, as the release chooses its weights;
preferences by how probable they find the verdicts of people.
"""

import math
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from bench.agreement import agreement
from training.evaluation.config import Levels, Preferences, Scores, Stage
from training.evaluation.losses import (
    expected_score,
    level_loss,
    level_targets,
    overall,
    pair_loss,
    score_loss,
)
from training.evaluation.model import Task
from training.evaluation.tables import DIMENSIONS

__all__ = ["Memory", "Objective", "objective"]

SCALE = 100.0
COEFFICIENTS = ("plcc", "srcc", "krcc")


class Memory:
    """Scores and targets of the latest edits, (N, 6), NaN where there is none yet.

    What a step adds is remembered when the step is over, so that every process remembers the same.
    """

    def __init__(self, count: int, device: str) -> None:
        self.rows = torch.full((count, 2 * len(DIMENSIONS)), torch.nan, device=device)
        self._new: list[Tensor] = []

    def seen(self) -> tuple[Tensor, Tensor]:
        """Scores and targets 0..1, with those of this step's earlier passes."""
        rows = torch.cat([self.rows, *self._new])
        return rows[:, : len(DIMENSIONS)], rows[:, len(DIMENSIONS) :]

    def add(self, scores: Tensor, targets: Tensor) -> None:
        """After a pass."""
        if len(self.rows):
            self._new.append(torch.cat([scores.detach().float(), targets.float()], dim=1))

    def take(self) -> list[list[float]]:
        """What this process has added in the step."""
        rows = torch.cat(self._new).tolist() if self._new else []
        self._new = []
        return rows

    def commit(self, rows: list[list[float]]) -> None:
        """Remember what all processes have added; written in place, for states are."""
        if len(self.rows) and rows:
            kept = torch.cat([self.rows, self.rows.new_tensor(rows)])[-len(self.rows) :]
            self.rows.copy_(kept)


class Objective(Protocol):
    """What a stage asks for."""

    @property
    def task(self) -> Task:
        """What the model has to answer."""
        ...

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of what `loss` returns; the first is descended."""
        ...

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of what `judged` returns; `merit` decides, the higher the better."""
        ...

    def loss(self, output: Tensor, targets: Tensor) -> Tensor:
        """(T,) terms of one pass."""
        ...

    def scores(self, output: Tensor) -> Tensor:
        """(N, 3) points, or (N, 2, 3) of pairs, of what the model answered."""
        ...

    def judged(self, scores: Tensor, targets: Tensor) -> Mapping[str, float]:
        """The figures of all edits; NaN where they do not exist."""
        ...


class LevelObjective:
    """Stage 1."""

    task: Task = "levels"
    terms = ("loss", *DIMENSIONS)
    figures = ("merit", *(f"{name}_{dimension}" for dimension in DIMENSIONS for name in COEFFICIENTS))

    def __init__(self, settings: Levels) -> None:
        self._soft = settings.targets == "soft"

    def loss(self, output: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy: the mean over dimensions, and that of each."""
        each = level_loss(output, level_targets(targets, soft=self._soft))
        return torch.cat([each.mean()[None], each])

    def scores(self, output: Tensor) -> Tensor:
        """(N, 3) mean places of the levels."""
        return expected_score(output)

    def judged(self, scores: Tensor, targets: Tensor) -> Mapping[str, float]:
        """See `coefficients`."""
        return coefficients(scores, targets)


class ScoreObjective:
    """Stage 2."""

    task: Task = "scores"
    terms = ("loss", "mse", "plcc_loss")
    figures = LevelObjective.figures

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def loss(self, output: Tensor, targets: Tensor) -> Tensor:
        """Equation 8, and its two halves."""
        targets = targets / SCALE
        mse, apart = score_loss(output, targets, self._memory.seen())
        self._memory.add(output, targets)
        return torch.stack([(mse + apart).sum(), mse.sum(), apart.sum()])

    def scores(self, output: Tensor) -> Tensor:
        """(N, 3) points."""
        return output.float() * SCALE

    def judged(self, scores: Tensor, targets: Tensor) -> Mapping[str, float]:
        """See `coefficients`."""
        return coefficients(scores, targets)


class PairObjective:
    """Preferences, for each dimension and overall."""

    task: Task = "scores"
    terms = ("loss", *DIMENSIONS, "overall")
    figures = ("merit", *(f"accuracy_{name}" for name in (*DIMENSIONS, "overall")))

    def __init__(self, settings: Preferences) -> None:
        self._settings = settings

    def loss(self, output: Tensor, targets: Tensor) -> Tensor:
        """The mean over the columns that were asked about, and that of each column."""
        each = self._each(self.scores(output), targets)
        asked = (~targets.isnan()).any(dim=0).sum().clamp(min=1)
        return torch.cat([(each.sum() / asked)[None], each])

    def scores(self, output: Tensor) -> Tensor:
        """(N, 2, 3) points."""
        return output.float().view(-1, 2, len(DIMENSIONS)) * SCALE

    def judged(self, scores: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Share of decided pairs whose better edit has the higher score; `merit` is minus the mean loss."""
        asked = ~targets.isnan()
        found = {"merit": math.nan}
        if asked.any():
            each = self._each(scores, targets) * asked.sum(dim=0)
            found["merit"] = -float(each.sum() / asked.sum())
        gain = _with_overall(scores[:, 0]) - _with_overall(scores[:, 1])
        for column, name in enumerate((*DIMENSIONS, "overall")):
            decided = asked[:, column] & (targets[:, column] != 0)
            right = (gain[decided, column] * targets[decided, column] > 0).float()
            found[f"accuracy_{name}"] = float(right.mean()) if len(right) else math.nan
        return found

    def _each(self, scores: Tensor, targets: Tensor) -> Tensor:
        """(4,) mean loss of each column."""
        a, b = _with_overall(scores[:, 0]), _with_overall(scores[:, 1])
        return pair_loss(a, b, targets, scale=self._settings.scale, tie=self._settings.tie)


def objective(stage: Stage, memory: Memory) -> Objective:
    """What the given stage asks for."""
    match stage:
        case Levels():
            return LevelObjective(stage)
        case Preferences():
            return PairObjective(stage)
        case Scores():
            return ScoreObjective(memory)
    raise TypeError(f"{stage!r} is no stage")


def coefficients(scores: Tensor, targets: Tensor) -> dict[str, float]:
    """PLCC, SRCC and KRCC of each dimension; `merit` is the mean of PLCC + SRCC over those that exist."""
    found: dict[str, float] = {}
    merits: list[float] = []
    for d, dimension in enumerate(DIMENSIONS):
        rated = ~targets[:, d].isnan()
        each = agreement(scores[rated, d].double().numpy(), targets[rated, d].double().numpy())
        found |= {f"{name}_{dimension}": each[name] for name in COEFFICIENTS}
        merits.append(each["plcc"] + each["srcc"])
    real = [merit for merit in merits if not math.isnan(merit)]
    return {"merit": sum(real) / len(real) if real else math.nan, **found}


def _with_overall(scores: Tensor) -> Tensor:
    """(N, 4) of (N, 3)."""
    return torch.cat([scores, overall(scores)[:, None]], dim=1)
