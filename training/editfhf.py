"""How do edits with human marks lie on disk? The EditFHF-15K style record and the release's CSV tables.

- A record is one line of a JSON Lines file: two pictures, the instruction, boxes and a saliency map of either
  class, one description per box, and the three mean opinion scores. The paper publishes no file format; this
  one holds what its section 3.2 says is annotated.
- A table is what the released training script reads: `source, edited, gray, prompt`, one map a row. Encodings
  are tried in its order: utf-8, utf-8-sig, gb18030, latin1.

Both are checked when they are opened (cells, fields, files) and when a row is read (pictures, sizes);
messages name the row and the column. A table's header is row 1, as in a spreadsheet; records count lines.
Paths count from the folder of the listing, or from a root that the caller names.

    python -m training.editfhf train.csv          read every row and print the bad ones
"""

import argparse
import csv
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, ValidationError

from editrefiner.artifacts.png import encode_png
from editrefiner.contracts import Box, FlawKind, Instruction, Score, WireModel
from training.labelled_files import BadRowsError, LabelledEdit, Row, Rows, find_all, print_bad

__all__ = ["Description", "Record", "append_record", "decoded", "read_records", "read_table", "write_table"]

COLUMNS = ("source", "edited", "gray", "prompt")
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "latin1")  # latin1 decodes anything, so it comes last
BYTE_ORDER_MARK = "\ufeff"
PICTURES = ("source", "edited", "artifact_map", "failure_map")


class Description(WireModel):
    """What the annotators say about one box."""

    kind: FlawKind
    box: Annotated[int, Field(ge=0)]
    """Index into the boxes of that kind."""
    flaw_type: str
    """Free text: the paper publishes no closed list."""
    text: str


class Record(WireModel):
    """One line of a records file. Paths are relative to its folder."""

    source: str
    edited: str
    instruction: Instruction
    artifact_map: str
    """8-bit grey picture; 0..255 stands for 0..1."""
    failure_map: str
    artifact_boxes: tuple[Box, ...] = ()
    failure_boxes: tuple[Box, ...] = ()
    descriptions: tuple[Description, ...] = ()
    perceptual_quality: Score
    instruction_following: Score
    visual_consistency: Score


def read_table(path: Path, kind: FlawKind, root: Path | None = None) -> Rows:
    """The edits of a CSV of the release, whose maps mark the given class of flaws."""
    reader = csv.reader(io.StringIO(decoded(path), newline=""))
    names = [name.strip() for name in next(reader, [])]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        there = ", ".join(names) or "none"
        raise BadRowsError(path, [f"row 1: no column {', '.join(missing)}; the columns are {there}"])
    rows: list[Row] = []
    problems: list[str] = []
    for number, cells in enumerate(reader, start=2):
        if not any(cell.strip() for cell in cells):
            continue  # spreadsheets leave empty rows at the end
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        empty = [f"row {number}, column {name}: empty" for name in COLUMNS if not row.get(name)]
        files, lost = find_all(
            root or path.parent, number, {n: row.get(n, "") for n in COLUMNS[:3] if row.get(n)}
        )
        problems += empty + lost
        if not (empty or lost):
            rows.append(_table_row(path, number, files, row["prompt"], kind))
    if problems or not rows:
        raise BadRowsError(path, problems or ["no rows"])
    return Rows(tuple(rows))


def write_table(path: Path, records: Iterable[Record], kind: FlawKind) -> None:
    """The records as a CSV of the release, beside their records file; `kind` picks the map for `gray`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for record in records:
            label = record.artifact_map if kind is FlawKind.ARTIFACT else record.failure_map
            writer.writerow([record.source, record.edited, label, record.instruction])


def read_records(path: Path) -> tuple[list[Record], Rows]:
    """The records of a JSON Lines file, and their edits in the same order."""
    records: list[Record] = []
    rows: list[Row] = []
    problems: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = Record.model_validate_json(line)
        except ValidationError as exc:
            first = exc.errors()[0]
            column = ".".join(map(str, first["loc"])) or "the whole line"
            problems.append(f"row {number}, column {column}: {first['msg']}")
            continue
        files, lost = find_all(path.parent, number, {name: getattr(record, name) for name in PICTURES})
        problems += lost
        if not lost:
            records.append(record)
            rows.append(_record_row(path, number, files, record))
    if problems or not rows:
        raise BadRowsError(path, problems or ["no records"])
    return records, Rows(tuple(rows))


def append_record(
    path: Path,
    name: str,
    sample: LabelledEdit,
    *,
    scores: tuple[float, float, float],
    artifact_boxes: tuple[Box, ...] = (),
    failure_boxes: tuple[Box, ...] = (),
    descriptions: tuple[Description, ...] = (),
) -> Record:
    """Write the pictures of a sample to `<name>_*.png` beside the records file, and its line to the file.

    A map that is None is written as all zero: in a record both classes have been looked at. `scores` are
    perceptual quality, instruction following and visual consistency.
    """
    blank = np.zeros(sample.edited.shape[:2], np.float32)
    pictures = {
        "source": sample.source,
        "edited": sample.edited,
        "artifact_map": _as_gray(blank if sample.artifact_map is None else sample.artifact_map),
        "failure_map": _as_gray(blank if sample.failure_map is None else sample.failure_map),
    }
    files = {column: f"{name}_{column}.png" for column in PICTURES}
    record = Record(
        instruction=sample.instruction,
        artifact_boxes=artifact_boxes,
        failure_boxes=failure_boxes,
        descriptions=descriptions,
        perceptual_quality=scores[0],
        instruction_following=scores[1],
        visual_consistency=scores[2],
        **files,
    )
    for column, pixels in pictures.items():
        (path.parent / files[column]).write_bytes(encode_png(pixels))
    with path.open("a", encoding="utf-8") as file:
        file.write(record.model_dump_json() + "\n")
    return record


def decoded(path: Path) -> str:
    """The text of a file, by the first of the release's encodings that fits."""
    content = path.read_bytes()
    for encoding in ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not text.startswith(BYTE_ORDER_MARK):  # else the first column's name begins with it
            return text
    raise BadRowsError(path, ["is no text"])


def _table_row(path: Path, number: int, files: dict[str, Path], prompt: str, kind: FlawKind) -> Row:
    marks = "artifact_map" if kind is FlawKind.ARTIFACT else "failure_map"
    return Row(
        path,
        number,
        files["source"],
        files["edited"],
        prompt,
        artifact_map=files["gray"] if kind is FlawKind.ARTIFACT else None,
        failure_map=files["gray"] if kind is FlawKind.EDITING_FAILURE else None,
        columns={marks: "gray"},
    )


def _record_row(path: Path, number: int, files: dict[str, Path], record: Record) -> Row:
    source, edited, artifact_map, failure_map = (files[column] for column in PICTURES)
    return Row(path, number, source, edited, record.instruction, artifact_map, failure_map)


def _as_gray(saliency: np.ndarray) -> np.ndarray:
    """(H, W) uint8 from (H, W) in 0..1."""
    return np.rint(np.clip(saliency, 0.0, 1.0) * 255.0).astype(np.uint8)


def _main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Read every row of a listing and print the bad ones.")
    parser.add_argument("listing", type=Path, help="a .csv table of the release or a .jsonl records file")
    parser.add_argument(
        "--root", type=Path, help="folder that a table's paths count from; its own by default"
    )
    options = parser.parse_args(arguments)
    try:
        if options.listing.suffix == ".jsonl":
            rows = read_records(options.listing)[1].rows
        else:
            rows = read_table(options.listing, FlawKind.EDITING_FAILURE, options.root).rows
    except (OSError, BadRowsError) as exc:
        print(exc)
        return 1
    return print_bad(rows)


if __name__ == "__main__":
    sys.exit(_main())
