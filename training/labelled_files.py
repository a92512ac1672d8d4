"""What do the files of a labelled edit hold? Pictures and maps, read late, refused by row and column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, overload

import cv2
import numpy as np

from editrefiner.artifacts.codec import decode_image
from editrefiner.contracts import ImageLimits, ProblemError

__all__ = ["BadRowsError", "LabelledEdit", "Row", "Rows", "Sample", "find", "find_all", "print_bad"]

LIMITS = ImageLimits(max_bytes=100 * 2**20)
SHAPE_TOLERANCE = 0.02  # of the aspect ratio: sides rounded to multiples of 16 or 32 stay below it
SHOWN_PROBLEMS = 10


class BadRowsError(ValueError):
    """Rows that cannot be used; the message names each row and column."""

    def __init__(self, listing: Path, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        more = len(problems) - SHOWN_PROBLEMS
        shown = "; ".join(problems[:SHOWN_PROBLEMS])
        super().__init__(f"{listing}: {shown}" + (f"; and {more} more" if more > 0 else ""))


class LabelledEdit(Protocol):
    """One edit with its marks, as the trainers take it: a `Sample`, or a record of the flaw stream."""

    @property
    def source(self) -> np.ndarray:
        """(H, W, 3) uint8; may differ from the edited picture in size."""
        ...

    @property
    def edited(self) -> np.ndarray:
        """(H, W, 3) uint8."""
        ...

    @property
    def instruction(self) -> str:
        """What was asked for."""
        ...

    @property
    def artifact_map(self) -> np.ndarray | None:
        """(H, W) in 0..1, of the size of `edited`; None where nobody marked this class."""
        ...

    @property
    def failure_map(self) -> np.ndarray | None:
        """As `artifact_map`."""
        ...


@dataclass(frozen=True)
class Sample:
    """The labelled edit that files hold."""

    source: np.ndarray
    """(H, W, 3) uint8; may differ from the edited picture in size."""
    edited: np.ndarray
    """(H, W, 3) uint8."""
    instruction: str
    artifact_map: np.ndarray | None
    """(H, W) float32 in 0..1, of the size of `edited`; None where nobody marked this class."""
    failure_map: np.ndarray | None
    """As `artifact_map`."""


@dataclass(frozen=True)
class Row:
    """The files of one edit, found but not yet read."""

    listing: Path
    """The table or records file that names them."""
    number: int
    """Its row there, from 1."""
    source: Path
    edited: Path
    instruction: str
    artifact_map: Path | None
    failure_map: Path | None
    columns: dict[str, str] = field(default_factory=dict)
    """Field -> what the listing calls it, where that differs."""

    def load(self) -> Sample:
        """Read and check every file."""
        edited = self._picture("edited", self.edited)
        return Sample(
            source=self._picture("source", self.source),
            edited=edited,
            instruction=self.instruction,
            artifact_map=self._map("artifact_map", self.artifact_map, edited),
            failure_map=self._map("failure_map", self.failure_map, edited),
        )

    def _picture(self, name: str, path: Path) -> np.ndarray:
        try:
            return decode_image(path.read_bytes(), LIMITS, name=path.name).pixels
        except (OSError, ProblemError) as exc:
            raise self._bad(name, str(exc)) from exc

    def _map(self, name: str, path: Path | None, edited: np.ndarray) -> np.ndarray | None:
        """(H, W) float32 in 0..1 of the edited picture's size, resized bilinearly where it has another."""
        if path is None:
            return None
        label = cv2.cvtColor(self._picture(name, path), cv2.COLOR_RGB2GRAY)
        (height, width), (label_height, label_width) = edited.shape[:2], label.shape
        if abs(label_width * height / (label_height * width) - 1) > SHAPE_TOLERANCE:
            raise self._bad(
                name,
                f"{path.name} is {label_width}x{label_height} and the edited picture {width}x{height}: "
                "marks that are stretched lie in the wrong place",
            )
        scaled = label.astype(np.float32) / 255.0
        if label.shape != edited.shape[:2]:
            scaled = cv2.resize(scaled, (width, height), interpolation=cv2.INTER_LINEAR)
        return scaled

    def _bad(self, name: str, reason: str) -> BadRowsError:
        return BadRowsError(
            self.listing, [f"row {self.number}, column {self.columns.get(name, name)}: {reason}"]
        )


@dataclass(frozen=True)
class Rows(Sequence[Sample]):
    """The edits of a listing, each read when asked for."""

    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> "Rows": ...
    def __getitem__(self, index: int | slice) -> "Sample | Rows":
        if isinstance(index, slice):
            return Rows(self.rows[index])
        return self.rows[index].load()


def find(folder: Path, name: str) -> Path:
    """The file of that name below the folder, or where `_` and `-` are swapped in the folders of its name.

    The released lists name folders that were renamed so; absolute names are taken as they are.
    """
    relative = Path(name)
    parents = relative.parent.as_posix()
    for candidate in (parents, parents.replace("_", "-"), parents.replace("-", "_")):
        path = folder / candidate / relative.name
        if path.is_file():
            return path
    raise FileNotFoundError(f"no file {folder / relative}")


def find_all(folder: Path, row: int, names: Mapping[str, str]) -> tuple[dict[str, Path], list[str]]:
    """Column -> file, and what is missing."""
    found: dict[str, Path] = {}
    lost: list[str] = []
    for column, name in names.items():
        try:
            found[column] = find(folder, name)
        except FileNotFoundError as exc:
            lost.append(f"row {row}, column {column}: {exc}")
    return found, lost


class Readable(Protocol):
    """A row of a listing, found but not yet read."""

    def load(self) -> object:
        """Read and check its files; BadRowsError where that cannot be."""
        ...


def print_bad(rows: Sequence[Readable]) -> int:
    """Read every row and print the bad ones; 1 where there are any."""
    bad: list[str] = []
    for row in rows:
        try:
            row.load()
        except BadRowsError as exc:
            bad += exc.problems
    print("\n".join([*bad, f"{len(rows)} rows, {len(bad)} bad"]))
    return 1 if bad else 0
