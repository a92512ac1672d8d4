"""How did it go? One row a step and one a judgement, as CSV, and for TensorBoard where that is installed."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

__all__ = ["Logs"]

KEYS = ("step", "epoch")
COUNTED = ("_edits", "_pairs")  # how columns end that count what a figure is the mean of


class _Board(Protocol):
    def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None: ...
    def close(self) -> None: ...


class Logs:
    """The tables of a training. Rows after `step`, which a run that died has written, are dropped."""

    def __init__(
        self, output: Path, *, training: Sequence[str], validation: Sequence[str], step: int = 0
    ) -> None:
        self._output = output
        self._columns = {"training": (*KEYS, *training), "validation": (*KEYS, *validation)}
        output.mkdir(parents=True, exist_ok=True)
        for name, columns in self._columns.items():
            rows = _rows_until(output / f"{name}.csv", step)
            with (output / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns, extrasaction="ignore")
                writer.writeheader()
                writer.writerows(rows)
        self._board = _board(output / "tensorboard", step)

    def add(self, name: Literal["training", "validation"], figures: Mapping[str, float]) -> None:
        """A step of the optimizer, or a judgement."""
        columns = self._columns[name]
        with (self._output / f"{name}.csv").open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow([_text(column, figures[column]) for column in columns])
        if self._board is not None:
            for column in columns[len(KEYS) :]:
                if not math.isnan(figures[column]):
                    self._board.add_scalar(f"{name}/{column}", figures[column], int(figures["step"]))

    def close(self) -> None:
        """Flush what is buffered."""
        if self._board is not None:
            self._board.close()


def _text(column: str, value: float) -> str:
    if column in KEYS or column.endswith(COUNTED):
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
