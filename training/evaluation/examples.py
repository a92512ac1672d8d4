"""What does the model get, and what should come out? Edits and pairs as inputs with targets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from services.evaluation.backends.qwen3vl import encode
from services.qwen3vl import Batch, Encoded, Preprocessor
from training.evaluation.config import Data, Table
from training.evaluation.levels import Answer
from training.evaluation.tables import PairRow, RatedPair, RatedRow, read_pairs, read_scores
from training.labelled_files import Sample
from training.recipe_file import ConfigError

__all__ = ["Example", "Examples", "Portion", "open_tables"]

Rows = Sequence[RatedRow] | Sequence[PairRow]


@dataclass(frozen=True)
class Example:
    """One rated edit, or the two of a pair, as the model takes them."""

    encoded: tuple[Encoded, ...]
    targets: Tensor
    """(3,) scores 0..100 in the order of DIMENSIONS, or (4,) preferences; NaN where nobody was asked."""


@dataclass(frozen=True)
class Portion:
    """The edits of one pass."""

    batch: Batch
    places: Tensor
    """(B, R) tokens of each edit whose states are read."""
    targets: Tensor
    """(N, 3) or (N, 4); the edits of a pair follow each other, so that B = 2 N there."""

    def to(self, device: torch.device | str) -> "Portion":
        """The same on another device."""
        return Portion(self.batch.to(device), self.places.to(device), self.targets.to(device))


class Examples:
    """Rows of a table, read and encoded when asked for."""

    def __init__(self, rows: Rows, preprocessor: Preprocessor, answer: Answer | None) -> None:
        self._rows = rows
        self._preprocessor = preprocessor
        self._answer = answer

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Example:
        rated = self._rows[index].load()
        if isinstance(rated, RatedPair):
            return Example((self._encoded(rated.a), self._encoded(rated.b)), torch.tensor(rated.preferred))
        return Example((self._encoded(rated.sample),), torch.tensor(rated.scores))

    def collate(self, examples: Sequence[Example]) -> Portion:
        """Examples of any sizes as one pass."""
        encoded = [each for example in examples for each in example.encoded]
        batch = self._preprocessor.collate(encoded)
        # The last token of all is the new line after `assistant`, from which the published head reads.
        ends = (0,) if self._answer is None else self._answer.ends
        before = [length - (1 if self._answer is None else len(self._answer.ids)) for length in batch.lengths]
        places = torch.tensor([[start + end for end in ends] for start in before])
        return Portion(batch, places, torch.stack([example.targets for example in examples]))

    def _encoded(self, sample: Sample) -> Encoded:
        encoded = encode(self._preprocessor, sample.source, sample.edited, sample.instruction)
        if self._answer is None:
            return encoded
        return replace(encoded, input_ids=torch.cat([encoded.input_ids, self._answer.ids]))


def open_tables(settings: Data, *, pairs: bool) -> tuple[Rows, Rows]:
    """The rows to learn from and those to be judged by; refused where they or the test share a picture."""
    names = ("pairs", "pairs_validation") if pairs else ("train", "validation")
    learnt, judged = (_opened(getattr(settings, name), pairs=pairs) for name in names)
    parts = {f"data.{names[0]}": learnt, f"data.{names[1]}": judged}
    tests = {f"data.test {table.path.name}": _opened(table, pairs=False) for table in settings.test}
    seen: dict[Path, str] = {}
    for name, rows in {**parts, **tests}.items():
        for picture in (picture.resolve() for row in rows for picture in row.pictures):
            other = seen.setdefault(picture, name)
            if other != name and (name in parts or other in parts):
                raise ConfigError(f"{other} and {name} share {picture}: what was seen cannot be judged by")
    return learnt, judged


def _opened(table: Table, *, pairs: bool) -> Rows:
    rows = (read_pairs if pairs else read_scores)(table.path, table.root)
    return rows if table.count is None else rows[: table.count]
