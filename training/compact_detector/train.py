"""How is the decoder trained? AdamW, the paper's loss, an average of the weights, CC to stop by.

python -m training.compact_detector.train --examples DIR --validation DIR --out out/detector
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
from safetensors.torch import save_file
from torch import Tensor

from bench.saliency import cc
from services.perception.backends.evidence import PLANES
from training.compact_detector.examples import chunks
from training.compact_detector.model import Decoder, Inputs
from training.perception.losses import LossWeights, saliency_loss

FLIPPED = 0.5  # of the batches are mirrored
HIDDEN = 0.1  # of the planes of evidence are blank in training, so that no single one is relied on
LEFT, RIGHT = 17, 18  # where the vector says which side was named
EMPTY = 0.02  # peak below which a label marks nothing: CC has no meaning there
WHOLE = 0.5  # darkest value from which a label marks everything


@dataclass(frozen=True)
class Recipe:
    """Every number of a run."""

    steps: int = 4000
    batch: int = 16
    rate: float = 2e-3
    decay: float = 1e-2
    warm_up: int = 200
    averaging: float = 0.998
    alpha: float = 0.35
    beta: float = 0.45
    validate_every: int = 250
    patience: int = 8
    seed: int = 7


Batch = tuple[Inputs, Tensor]


def batches(folder: Path, size: int, seed: int) -> Iterator[Batch]:
    """Batches without end; each from one chunk, chunks by chance, new ones taken up as they appear."""
    rng = np.random.default_rng(seed)
    found = list(chunks(folder))
    for number in range(1 << 62):
        if number % 200 == 0:
            found = list(chunks(folder))
        rows = np.array([len(chunk["whole"]) for chunk in found])
        chunk = found[int(rng.choice(len(found), p=rows / rows.sum()))]
        picked = np.sort(rng.choice(len(chunk["whole"]), min(size, len(chunk["whole"])), replace=False))
        batch = with_hidden_planes(loaded(chunk, picked), rng)
        yield mirrored(batch) if rng.random() < FLIPPED else batch


def loaded(chunk: dict[str, np.ndarray], rows: np.ndarray) -> Batch:
    """Rows of a chunk as tensors."""
    planes = torch.from_numpy(chunk["planes"][rows]).float() / 127
    middle, coarse = (torch.from_numpy(chunk[name][rows]).float() for name in ("middle", "coarse"))
    inputs = Inputs(
        planes,
        torch.from_numpy(chunk["whole"][rows]),
        (middle[:, 0], middle[:, 1]),
        (coarse[:, 0], coarse[:, 1]),
    )
    return inputs, torch.from_numpy(chunk["labels"][rows]).float() / 255


def mirrored(batch: Batch) -> Batch:
    """Left and right swapped, in the picture and in the words."""
    inputs, labels = batch
    whole = inputs.whole.clone()
    whole[:, [LEFT, RIGHT]] = whole[:, [RIGHT, LEFT]]
    turned = Inputs(
        inputs.planes.flip(3),
        whole,
        (inputs.middle[0].flip(3), inputs.middle[1].flip(3)),
        (inputs.coarse[0].flip(3), inputs.coarse[1].flip(3)),
    )
    return turned, labels.flip(3)


def with_hidden_planes(batch: Batch, rng: np.random.Generator) -> Batch:
    """A share of the planes of evidence blank, others in each record; never the picture itself."""
    inputs, labels = batch
    shown = rng.random((len(labels), len(PLANES))) >= HIDDEN
    kept = torch.ones(inputs.planes.shape[:2])
    kept[:, : len(PLANES)] = torch.from_numpy(shown).float()
    return replace(inputs, planes=inputs.planes * kept[:, :, None, None]), labels


def validate(decoder: Decoder, folder: Path) -> dict[str, float]:
    """Mean CC of both maps where there is something to find, and the mean peak where there is not."""
    found: dict[str, list[float]] = {"artifact_cc": [], "failure_cc": [], "clean_peak": [], "loss": []}
    decoder.eval()
    with torch.inference_mode():
        for chunk in chunks(folder):
            for rows in np.array_split(np.arange(len(chunk["whole"])), max(1, len(chunk["whole"]) // 32)):
                inputs, labels = loaded(chunk, rows)
                maps = torch.sigmoid(decoder(inputs)).numpy()
                for pair, label in zip(maps, labels.numpy(), strict=True):
                    _note(found, pair, label)
    decoder.train()
    return {name: float(np.nanmean(values)) for name, values in found.items() if values}


def _note(found: dict[str, list[float]], pair: np.ndarray, label: np.ndarray) -> None:
    if label.max() < EMPTY:
        found["clean_peak"].append(float(pair.max()))
    for name, one, truth in zip(("artifact_cc", "failure_cc"), pair, label, strict=True):
        if truth.max() > EMPTY and truth.min() < WHOLE:
            found[name].append(cc(one, truth))


class Training:
    """One run: the best by CC is kept as `decoder.safetensors`, every validation as a row of `log.csv`."""

    def __init__(self, recipe: Recipe, validation: Path, out: Path) -> None:
        torch.manual_seed(recipe.seed)
        self._recipe, self._validation, self._out = recipe, validation, out
        self._weights = LossWeights(recipe.alpha, recipe.beta)
        self._decoder = Decoder()
        self._average = torch.optim.swa_utils.AveragedModel(
            self._decoder,
            multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.averaging),
            use_buffers=True,
        )
        self._optimizer = torch.optim.AdamW(
            self._decoder.parameters(), lr=recipe.rate, weight_decay=recipe.decay
        )
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, lambda step: _rate(step, recipe))
        self.best, self._waited = -1.0, 0
        self.losses: list[float] = []
        out.mkdir(parents=True, exist_ok=True)

    def run(self, source: Iterator[Batch]) -> None:
        """Every step, with a bar; ends early when CC has not risen for `patience` validations."""
        recipe = self._recipe
        columns = (*Progress.get_default_columns(), TextColumn("{task.fields[note]}"))
        with (self._out / "log.csv").open("w") as table, Progress(*columns) as bar:
            task = bar.add_task("training", total=recipe.steps, note="")
            for step in range(1, recipe.steps + 1):
                self.losses.append(self._step(next(source)))
                note = f"loss {np.mean(self.losses[-100:]):.3f}, best CC {self.best:.3f}"
                bar.update(task, advance=1, note=note)
                if step % recipe.validate_every == 0 or step == recipe.steps:
                    self._judge(step, table)
                if self._waited >= recipe.patience:
                    break

    def _step(self, batch: Batch) -> float:
        inputs, labels = batch
        self._optimizer.zero_grad(set_to_none=True)
        loss = batch_loss(self._decoder(inputs), labels, self._weights)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._decoder.parameters(), 1.0)
        self._optimizer.step()
        self._schedule.step()
        self._average.update_parameters(self._decoder)
        return float(loss.detach())

    def _judge(self, step: int, table: TextIO) -> None:
        assert isinstance(self._average.module, Decoder)
        figures = validate(self._average.module, self._validation)
        log = csv.writer(table)
        if table.tell() == 0:
            log.writerow(["step", "loss", *figures])
        recent = np.mean(self.losses[-self._recipe.validate_every :])
        log.writerow([step, f"{recent:.4f}", *(f"{value:.4f}" for value in figures.values())])
        table.flush()
        score = (figures["artifact_cc"] + figures["failure_cc"]) / 2
        self._waited += 1
        if score > self.best:
            self.best, self._waited = score, 0
            numbers = {name: str(value) for name, value in asdict(self._recipe).items()}
            save_file(self._average.module.state_dict(), self._out / "decoder.safetensors", numbers)


def batch_loss(logits: Tensor, labels: Tensor, weights: LossWeights) -> Tensor:
    """Mean of the paper's loss (Eq. 6) over every map of a batch, (N, 2, h, w) each."""
    maps = zip(logits.flatten(0, 1), labels.flatten(0, 1), strict=True)
    return torch.stack([saliency_loss(one, label, weights).total for one, label in maps]).mean()


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
    parser.add_argument("--threads", type=int, default=1)
    options = vars(parser.parse_args())
    torch.set_num_threads(options.pop("threads"))
    folders = [options.pop(name) for name in ("examples", "validation", "out")]
    examples, validation, out = folders
    recipe = Recipe(**options)
    Training(recipe, validation, out).run(batches(examples, recipe.batch, recipe.seed))


if __name__ == "__main__":
    main()
