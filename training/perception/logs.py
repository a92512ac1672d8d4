"""How did it go? One row a step and one a judgement, as CSV, and for TensorBoard where that is installed."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from bench.saliency import METRICS

__all__ = ["TRAINING", "VALIDATION", "Logs"]

TRAINING = ("step", "epoch", "learning_rate", "gradient_norm", "loss", "l1", "bce", "kld")
VALIDATION = ("step", "epoch", *METRICS, *(f"{name}_pairs" for name in METRICS))


class _Board(Protocol):
    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None: ...
    def close(self) -> None: ...


class Logs:
    """The tables of a run. Rows after `step`, which a run that died has written, are dropped."""

    def __init__(self, output: Path, *, step: int = 0) -> None:
        self._paths = {"training": output / "training.csv", "validation": output / "validation.csv"}
        output.mkdir(parents=True, exist_ok=True)
        for name, columns in (("training", TRAINING), ("validation", VALIDATION)):
            rows = _rows_until(self._paths[name], step)
            with self._paths[name].open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns, extrasaction="ignore")
                writer.writeheader()
                writer.writerows(rows)
        self._board = _board(output / "tensorboard", step)

    def training(self, figures: Mapping[str, float]) -> None:
        """A step of the optimizer."""
        self._add("training", TRAINING, figures)

    def validation(self, figures: Mapping[str, float]) -> None:
        """A judgement."""
        self._add("validation", VALIDATION, figures)

    def close(self) -> None:
        """Flush what is buffered."""
        if self._board is not None:
            self._board.close()

    def _add(self, name: str, columns: tuple[str, ...], figures: Mapping[str, float]) -> None:
        with self._paths[name].open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow([_text(column, figures[column]) for column in columns])
        if self._board is not None:
            for column in columns[2:]:
                if not math.isnan(figures[column]):
                    self._board.add_scalar(f"{name}/{column}", figures[column], int(figures["step"]))


def _text(column: str, value: float) -> str:
    if column in ("step", "epoch") or column.endswith("_pairs"):
        return str(int(value))
    return "" if math.isnan(value) else f"{value:.6g}"


def _rows_until(path: Path, step: int) -> list[dict[str, str]]:
    if not path.is_file() or not step:
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if int(row["step"]) <= step]


def _board(folder: Path, step: int) -> _Board | None:
    try:
        from torch.utils.tensorboard.writer import SummaryWriter  # noqa: PLC0415 — optional
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
