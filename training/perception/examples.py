"""What does the model get, and what should come out? Labelled edits as inputs with a label, by number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from editrefiner.contracts import FlawKind
from services.perception.agent import Sample
from services.perception.backends.qwen3vl import Kind, encode
from services.qwen3vl import Batch, Encoded, Preprocessor
from training.editfhf import read_records, read_table
from training.labelled_files import LabelledEdit
from training.perception.config import Source

__all__ = ["Edits", "Example", "Examples", "Portion", "open_source"]


class Edits(Protocol):
    """Labelled edits by number; the same number gives the same edit, however often it is asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> LabelledEdit: ...


@dataclass(frozen=True)
class Drawn:
    """The first `count` edits of a stream that never ends."""

    record: Callable[[int], LabelledEdit]
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int, /) -> LabelledEdit:
        return self.record(index)


@dataclass(frozen=True)
class Example:
    """One edit as the model takes it, with the label in the frame that the model sees."""

    encoded: Encoded
    label: Tensor
    """(h, w) float32 in 0..1, of the size of the picture that is shown."""


@dataclass(frozen=True)
class Portion:
    """The edits of one pass."""

    batch: Batch
    labels: tuple[Tensor, ...]

    def to(self, device: torch.device | str) -> "Portion":
        """The same on another device."""
        return Portion(self.batch.to(device), tuple(label.to(device) for label in self.labels))


class Examples:
    """Labelled edits, encoded when asked for."""

    def __init__(self, edits: Edits, preprocessor: Preprocessor, kind: Kind) -> None:
        self._edits = edits
        self._preprocessor = preprocessor
        self._kind: Kind = kind

    def __len__(self) -> int:
        return len(self._edits)

    def __getitem__(self, index: int) -> Example:
        edit = self._edits[index]
        label = edit.artifact_map if self._kind == "artifact" else edit.failure_map
        if label is None:
            raise ValueError(f"edit {index} has no {self._kind} map: is the source one of the other class?")
        sample = Sample(edit.source, edit.edited, edit.instruction)
        encoded = encode(self._preprocessor, sample, self._kind)
        return Example(encoded, torch.from_numpy(_resized(label, encoded.size)))

    def collate(self, examples: Sequence[Example]) -> Portion:
        """Examples of any sizes as one pass."""
        batch = self._preprocessor.collate([example.encoded for example in examples])
        return Portion(batch, tuple(example.label for example in examples))


def open_source(source: Source, role: Literal["train", "validation"], kind: Kind) -> Edits:
    """The edits that a source names; files are found here and read later."""
    match source.form:
        case "table":
            assert source.path is not None  # the configuration saw to it
            flaw = FlawKind.ARTIFACT if kind == "artifact" else FlawKind.EDITING_FAILURE
            edits = read_table(source.path, flaw, source.root)
        case "records":
            assert source.path is not None
            edits = read_records(source.path)[1]
        case "flaws":
            return _drawn(source, role)
    return edits if source.count is None else edits[: source.count]


def _drawn(source: Source, role: Literal["train", "validation"]) -> Drawn:
    from training.flaws.photos import folder_photos, photos  # noqa: PLC0415 — tables do without photographs
    from training.flaws.stream import FlawStream  # noqa: PLC0415

    assert source.count is not None
    found = (
        folder_photos(source.path) if source.path else photos("training" if role == "train" else "validation")
    )
    if not found:
        raise FileNotFoundError("there are no photographs beside the checkout: name a folder of them as path")
    return Drawn(FlawStream(found, source.seed).record, source.count)


def _resized(label: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w) float32: bilinear, as the release does it."""
    label = np.ascontiguousarray(label, dtype=np.float32)
    height, width = size
    if label.shape == size:
        return label
    return cv2.resize(label, (width, height), interpolation=cv2.INTER_LINEAR)
