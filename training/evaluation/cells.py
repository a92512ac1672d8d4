"""What do the cells of a table say? A CSV file by rows and columns, refused by row and column.

Columns may go by several names; encodings are tried in the order of the release (`training/editfhf.py`). The
header is row 1, as in a spreadsheet.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.editfhf import decoded
from training.labelled_files import BadRowsError

__all__ = ["BadCellError", "number", "read_cells"]


class BadCellError(ValueError):
    """A cell that cannot be used; the message names row and column."""

    def __init__(self, row: int, column: str, reason: str) -> None:
        super().__init__(f"row {row}, column {column}: {reason}")


def read_cells(
    path: Path, columns: Mapping[str, Sequence[str]], optional: Mapping[str, Sequence[str]] | None = None
) -> list[tuple[int, dict[str, str]]]:
    """Row number and column -> cell of each row that is not empty.

    `columns` maps names to other names that a table may use for the same. Cells of those are never empty, or
    the table is refused; those of `optional` may be empty, and their columns may be missing.
    """
    reader = csv.reader(io.StringIO(decoded(path), newline=""))
    header = [name.strip() for name in next(reader, [])]
    optional = optional or {}
    places = _places(path, header, {**columns, **optional}, required=columns)
    rows: list[tuple[int, dict[str, str]]] = []
    problems: list[str] = []
    for row, cells in enumerate(reader, start=2):
        if not any(cell.strip() for cell in cells):
            continue  # spreadsheets leave empty rows at the end
        found = {name: cells[i].strip() if i < len(cells) else "" for name, i in places.items()}
        problems += [
            f"row {row}, column {header[places[name]]}: empty" for name in columns if not found[name]
        ]
        rows.append((row, found))
    if problems or not rows:
        raise BadRowsError(path, problems or ["no rows"])
    return rows


def number(cell: str, row: int, column: str) -> float:
    """The finite number that a cell holds."""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadCellError(row, column, f"{cell!r} is no number")
    return value


def _places(
    path: Path, header: list[str], names: Mapping[str, Sequence[str]], required: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    """Column -> where it stands."""
    places: dict[str, int] = {}
    problems: list[str] = []
    for name, others in names.items():
        there = [i for i, title in enumerate(header) if title.lower() in (name, *others)]
        if len(there) > 1:
            problems.append(f"row 1: several columns say {name}: {', '.join(header[i] for i in there)}")
        elif there:
            places[name] = there[0]
        elif name in required:
            asked = " or ".join((name, *others))
            problems.append(f"row 1: no column {asked}; the columns are {', '.join(header) or 'none'}")
    if problems:
        raise BadRowsError(path, problems)
    return places
