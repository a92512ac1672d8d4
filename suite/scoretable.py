"""What is in a CSV of pairs, and which of its rows have scores already?"""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from editrefiner.contracts import DIMENSIONS, ProblemError, Scores, fingerprint
from suite.inputs import InputError

GIVEN = ("source", "edited", "instruction")
COLUMNS = (
    *GIVEN,
    *(column for name in DIMENSIONS for column in (name, f"{name}_low", f"{name}_high")),
    "overall",
    "decision_margin",
    "error",
    "backend_digest",
    "inputs_sha256",
)
DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One pair to score, as the CSV names it."""

    number: int
    source: str
    edited: str
    instruction: str
    folder: Path

    @property
    def source_path(self) -> Path:
        """Relative paths start where the CSV is."""
        return self.folder / self.source

    @property
    def edited_path(self) -> Path:
        """The same."""
        return self.folder / self.edited

    @property
    def given(self) -> tuple[str, str, str]:
        """What the columns GIVEN hold."""
        return self.source, self.edited, self.instruction


def read_pairs(path: Path) -> list[Row]:
    """The rows of the CSV; InputError when it cannot be read or lacks a column."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in GIVEN if name not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{path} has no column {missing[0]}; it needs {', '.join(GIVEN)}.")
            return [
                Row(number, *(line[name] or "" for name in GIVEN), folder=path.parent)
                for number, line in enumerate(reader)
            ]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV in UTF-8: {error}.") from error


def row_key(source: str, edited: str, instruction: str) -> str:
    """Names what a row is about: the pictures themselves, not their names."""
    return fingerprint([source, edited, instruction])


class ScoreTable:
    """The output file. Every row is on disk before the next one begins.

    Rows of another backend, of other inputs, and rows with an error are scored anew; `finish` puts the rows
    in the order of the pairs.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self._path = path
        self._digest = digest
        self._kept: dict[tuple[str, ...], dict[str, str]] = {}
        self._done: dict[int, dict[str, str]] = {}

    def __enter__(self) -> Self:
        """Take over what an earlier run left. InputError when the file is something else."""
        try:
            earlier = _read(self._path)
            self._kept = {
                _identity(line): line
                for line in earlier
                if line["backend_digest"] == self._digest and not line["error"]
            }
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._replace(list(self._kept.values()))
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    @property
    def scored(self) -> int:
        """Rows with scores."""
        return sum(not line["error"] for line in self._done.values())

    @property
    def failed(self) -> int:
        """Rows with an error."""
        return len(self._done) - self.scored

    def has(self, row: Row, key: str) -> bool:
        """Whether an earlier run scored this row; it counts as done then."""
        kept = self._kept.get((*row.given, key))
        if kept is not None:
            self._done[row.number] = kept
        return kept is not None

    def append(self, row: Row, key: str, outcome: Scores | ProblemError) -> None:
        """Write a row; it is durable on return. InputError when it cannot be written, as on a full disk."""
        line = dict.fromkeys(COLUMNS, "") | dict(zip(GIVEN, row.given, strict=True))
        line |= {"backend_digest": self._digest, "inputs_sha256": key}
        if isinstance(outcome, ProblemError):
            line["error"] = " ".join(outcome.detail.split())
        else:
            line |= _cells(outcome)
        self._done[row.number] = line
        try:
            _write_whole(self._file, _text([line]))
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def finish(self, rows: Sequence[Row]) -> None:
        """The rows of this run alone, in the order of the pairs. InputError as `append`."""
        try:
            self._replace([self._done[row.number] for row in rows])
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def _replace(self, lines: Sequence[dict[str, str]]) -> None:
        """In place of the file, at once: whoever looks sees the old rows or the new ones."""
        beside = self._path.with_name(f".{self._path.name}.new")
        with beside.open("wb") as file:
            file.write(_text([dict(zip(COLUMNS, COLUMNS, strict=True)), *lines]))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


def _read(path: Path) -> list[dict[str, str]]:
    """The whole rows of an earlier run; one that a kill cut short is left out."""
    if not path.exists():
        return []
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is there and holds no scores. Name another file.") from error
    whole = text[: text.rfind("\n") + 1]
    try:
        lines = list(csv.reader(io.StringIO(whole, newline="")))
    except csv.Error:  # a line that is longer than any of a table
        lines = []
    if text and (not lines or tuple(lines[0]) != COLUMNS):
        raise InputError(f"{path} is there and holds no scores. Name another file.")
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines[1:] if len(line) == len(COLUMNS)]


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be written to: {error.strerror}.")


def _write_whole(file: int, content: bytes) -> None:
    """A disk that runs full takes a part first, and refuses the next."""
    while content:
        content = content[os.write(file, content) :]
    os.fsync(file)


def _identity(line: dict[str, str]) -> tuple[str, ...]:
    return (*(line[name] for name in GIVEN), line["inputs_sha256"])


def _cells(scores: Scores) -> dict[str, str]:
    cells = {"overall": f"{scores.overall:.{DECIMALS}f}", "decision_margin": f"{scores.decision_margin:g}"}
    for name in DIMENSIONS:
        low, high = getattr(scores.intervals, name)
        values = {name: getattr(scores, name), f"{name}_low": low, f"{name}_high": high}
        cells |= {column: f"{value:.{DECIMALS}f}" for column, value in values.items()}
    return cells


def _text(lines: Sequence[dict[str, str]]) -> bytes:
    held = io.StringIO(newline="")
    plain = csv.DictWriter(held, COLUMNS, lineterminator="\n")
    quoted = csv.DictWriter(held, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for line in lines:  # a lone "\r" ends a line for every reader, and the plain writer leaves it bare
        (quoted if any("\r" in cell for cell in line.values()) else plain).writerow(line)
    return held.getvalue().encode()
