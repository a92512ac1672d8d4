"""How are the edits of a pass read? Ahead of the model, without moving the chance that dropout draws from."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import torch
from torch.utils.data import DataLoader

__all__ = ["Examples", "portions"]

Portion = TypeVar("Portion", covariant=True)


class Examples(Protocol[Portion]):
    """What a model is shown, by number; read and encoded when asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Any: ...
    def collate(self, examples: Sequence[Any]) -> Portion:
        """Examples of any sizes as one pass."""
        ...


def portions(examples: Examples[Portion], passes: Iterable[list[int]], workers: int) -> Iterator[Portion]:
    """The portions of the given passes, in their order."""
    source: Any = examples  # a data set by its methods; the library is annotated for its own class
    return iter(
        DataLoader(
            source,
            batch_sampler=passes,
            collate_fn=examples.collate,
            num_workers=workers,
            # Its own generator: reading must not move the one that dropout draws from, or a run that was
            # resumed would go another way than one that was not.
            generator=torch.Generator().manual_seed(0),
        )
    )
