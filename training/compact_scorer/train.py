"""How is the scorer trained? Five levels with cross-entropy first, then scores; edits of one source together.

python -m training.compact_scorer.train --examples DIR --validation DIR --out out/scorer
"""

import argparse
import csv
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TextIO

import numpy as np
import torch
from rich.progress import Progress, TextColumn
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from bench.agreement import srcc
from training.compact_scorer.examples import chunks
from training.compact_scorer.model import Inputs, Judge, Judged
from training.evaluation.losses import level_loss, level_targets, overall, score_loss

FLIPPED = 0.5  # of the batches are mirrored
HIDDEN = 0.1  # of the planes of evidence are blank in training, so that no single one is relied on
NEAR = 10.0  # points between edits that a refinement has to choose from
LEFT_OUT = 2.0  # points: edits of one source nearer than this in truth have no order that is counted


@dataclass(frozen=True)
class Recipe:
    """Every number of a run."""

    steps: int = 2600
    levels_until: float = 0.3
    """Share of the steps that the first stage takes."""
    groups: int = 8
    """Sources in a batch, each with all its edits."""
    rate: float = 1.5e-3
    decay: float = 2e-2
    warm_up: int = 100
    averaging: float = 0.995
    gap: float = 8.0
    """Weight of telling apart the edits of one source."""
    place: float = 0.5
    """Weight of knowing where each dimension suffers."""
    spread: float = 0.5
    """Weight of knowing how far off a score may be; it changes nothing but that."""
    validate_every: int = 250
    seed: int = 7


@dataclass(frozen=True)
class Batch:
    """Edits of some sources."""

    inputs: Inputs
    scores: Tensor
    """(N, 3) on 0..100."""
    damage: Tensor
    """(N, 3, H/8, W/8) in 0..1."""
    group: Tensor
    """(N,) int64: the same for edits of one source."""


def batches(folder: Path, groups: int, seed: int) -> Iterator[Batch]:
    """Batches without end; each from one chunk, chunks by chance."""
    rng = np.random.default_rng(seed)
    found = list(chunks(folder))
    rows = np.array([len(chunk["whole"]) for chunk in found])
    while True:
        chunk = found[int(rng.choice(len(found), p=rows / rows.sum()))]
        known = np.unique(chunk["group"])
        picked = rng.choice(known, min(groups, len(known)), replace=False)
        batch = with_hidden_planes(loaded(chunk, np.flatnonzero(np.isin(chunk["group"], picked))), rng)
        yield mirrored(batch) if rng.random() < FLIPPED else batch


def loaded(chunk: dict[str, np.ndarray], rows: np.ndarray) -> Batch:
    """Rows of a chunk as tensors."""
    middle, coarse = (torch.from_numpy(chunk[name][rows]).float() for name in ("middle", "coarse"))
    inputs = Inputs(
        torch.from_numpy(chunk["planes"][rows]).float() / 127,
        torch.from_numpy(chunk["whole"][rows]),
        (middle[:, 0], middle[:, 1]),
        (coarse[:, 0], coarse[:, 1]),
    )
    return Batch(
        inputs,
        torch.from_numpy(chunk["scores"][rows]),
        torch.from_numpy(chunk["damage"][rows]).float() / 255,
        torch.from_numpy(chunk["group"][rows]),
    )


def mirrored(batch: Batch) -> Batch:
    """Left and right swapped: no word that the scorer reads names a side."""
    given = batch.inputs
    middle = given.middle[0].flip(3), given.middle[1].flip(3)
    coarse = given.coarse[0].flip(3), given.coarse[1].flip(3)
    inputs = Inputs(given.planes.flip(3), given.whole, middle, coarse)
    return Batch(inputs, batch.scores, batch.damage.flip(3), batch.group)


def with_hidden_planes(batch: Batch, rng: np.random.Generator) -> Batch:
    """A share of the planes blank: the same in all edits of a source, which are compared."""
    sources, member = np.unique(batch.group.numpy(), return_inverse=True)
    shown = rng.random((len(sources), batch.inputs.planes.shape[1])) >= HIDDEN
    kept = torch.from_numpy(shown[member]).float()[:, :, None, None]
    return replace(batch, inputs=replace(batch.inputs, planes=batch.inputs.planes * kept))


def losses(judged: Judged, batch: Batch, recipe: Recipe, *, levels: bool) -> Tensor:
    """What is minimised in the first stage (`levels`) or in the second."""
    place = functional.binary_cross_entropy_with_logits(judged.damage, batch.damage)
    if levels:
        main = level_loss(judged.levels, level_targets(batch.scores, soft=True)).sum()
        return main + recipe.place * 10 * place
    mse, apart = score_loss(judged.scores / 100, batch.scores / 100)
    off = (judged.scores.detach() - batch.scores).abs()
    spread = (judged.spread - off).abs().mean() / 100
    gap = gap_loss(overall(judged.scores), overall(batch.scores), batch.group)
    total = mse.sum() + apart.sum() + recipe.gap * gap
    return total + recipe.place * 10 * place + recipe.spread * spread


def gap_loss(scores: Tensor, truth: Tensor, group: Tensor) -> Tensor:
    """Mean error of differences between edits of one source, in hundreds of points."""
    pairs = (group[:, None] == group[None, :]).triu(diagonal=1)
    if not pairs.any():
        return scores.sum() * 0
    error = (scores[:, None] - scores[None, :]) - (truth[:, None] - truth[None, :])
    return error[pairs].abs().mean() / 100


@torch.inference_mode()
def validate(judge: Judge, folder: Path) -> dict[str, float]:
    """Rank correlation of each dimension and of overall, mean error, and how well pairs are told apart."""
    judge.eval()
    told, true, claimed, gaps = [], [], [], []
    for chunk in chunks(folder):
        for rows in np.array_split(np.arange(len(chunk["whole"])), max(1, len(chunk["whole"]) // 32)):
            batch = loaded(chunk, rows)
            scores = judge(batch.inputs).scores
            told.append(scores)
            true.append(batch.scores)
            pairs = (batch.group[:, None] == batch.group[None, :]).triu(diagonal=1)
            for found, of in ((claimed, scores), (gaps, batch.scores)):
                found.append((overall(of)[:, None] - overall(of)[None, :])[pairs])
    judge.train()
    scores, truth, claims, gap = (torch.cat(each) for each in (told, true, claimed, gaps))
    figures = {
        f"{name}_srcc": srcc(scores[:, i].numpy(), truth[:, i].numpy())
        for i, name in enumerate(("quality", "following", "consistency"))
    }
    figures["overall_srcc"] = srcc(overall(scores).numpy(), overall(truth).numpy())
    figures["error"] = float((scores - truth).abs().mean())
    ordered = gap.abs() > LEFT_OUT
    figures["ordered"] = float((claims.sign() == gap.sign())[ordered].float().mean())
    near = gap.abs() <= NEAR
    figures["gap_error"] = float((claims - gap)[near].square().mean().sqrt())
    return figures


class Training:
    """One run: the best is kept as `judge.safetensors`, every validation as a row of `log.csv`."""

    def __init__(self, recipe: Recipe, validation: Path, out: Path, start: Path | None = None) -> None:
        torch.manual_seed(recipe.seed)
        self._recipe, self._validation, self._out = recipe, validation, out
        self._judge = Judge()
        if start:
            self._judge.load_state_dict(load_file(start))
        self._average = torch.optim.swa_utils.AveragedModel(
            self._judge,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.averaging),
            use_buffers=True,
        )
        self._optimizer = torch.optim.AdamW(
            self._judge.parameters(), lr=recipe.rate, weight_decay=recipe.decay
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, lambda step: _rate(step, recipe))
        self.best = -1.0
        self.losses: list[float] = []
        out.mkdir(parents=True, exist_ok=True)

    def run(self, source: Iterator[Batch]) -> None:
        """Every step of both stages, with a bar."""
        recipe = self._recipe
        columns = (*Progress.get_default_columns(), TextColumn("{task.fields[note]}"))
        with (self._out / "log.csv").open("w") as table, Progress(*columns) as bar:
            task = bar.add_task("training", total=recipe.steps, note="")
            for step in range(1, recipe.steps + 1):
                self.losses.append(
                    self._step(next(source), levels=step <= recipe.levels_until * recipe.steps)
                )
                note = f"loss {np.mean(self.losses[-100:]):.3f}, best {self.best:.3f}"
                bar.update(task, advance=1, note=note)
                if step % recipe.validate_every == 0 or step == recipe.steps:
                    self._assess(step, table)

    def _step(self, batch: Batch, *, levels: bool) -> float:
        self._optimizer.zero_grad(set_to_none=True)
        loss = losses(self._judge(batch.inputs), batch, self._recipe, levels=levels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._judge.parameters(), 1.0)
        self._optimizer.step()
        self._schedule.step()
        self._average.update_parameters(self._judge)
        return float(loss.detach())

    def _assess(self, step: int, table: TextIO) -> None:
        assert isinstance(self._average.module, Judge)
        figures = validate(self._average.module, self._validation)
        log = csv.writer(table)
        if table.tell() == 0:
            log.writerow(["step", "loss", *figures])
        recent = np.mean(self.losses[-self._recipe.validate_every :])
        log.writerow([step, f"{recent:.4f}", *(f"{value:.4f}" for value in figures.values())])
        table.flush()
        score = figures["overall_srcc"] + figures["ordered"]
        if score > self.best:
            self.best = score
            numbers = {name: str(value) for name, value in asdict(self._recipe).items()}
            save_file(self._average.module.state_dict(), self._out / "judge.safetensors", numbers)


def _rate(step: int, recipe: Recipe) -> float:
    if step < recipe.warm_up:
        return (step + 1) / recipe.warm_up
    along = (step - recipe.warm_up) / max(1, recipe.steps - recipe.warm_up)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, along)))


def main() -> None:
    """Train with the numbers of the recipe or others."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("examples", "validation", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name, value in asdict(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--start", type=Path, help="go on from the weights of another run")
    parser.add_argument("--threads", type=int, default=1)
    options = vars(parser.parse_args())
    torch.set_num_threads(options.pop("threads"))
    examples, validation, out, start = (
        options.pop(name) for name in ("examples", "validation", "out", "start")
    )
    recipe = Recipe(**options)
    Training(recipe, validation, out, start).run(batches(examples, recipe.groups, recipe.seed))


if __name__ == "__main__":
    main()
