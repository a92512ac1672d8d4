"""Which edits have people rated or compared? Tables of scores and of preferences, read late, refused by row.

- Scores are a CSV as the release's training has it, `source, edited, visual, editing, preservation,
  instruction`, 0..100, and tables that name the same otherwise: `ALSO` lists the names. A cell of a score may
  be empty: that dimension was not rated.
- EditHF keeps conversations instead, a JSON Lines file with one dimension a line:
  `{"images": [source, edited], "query": ..., "response": "... The quality score is 61.30"}`. Instruction and
  dimension stand in the query; lines about one edit are put together.
- Preferences are a CSV `source, a, b, instruction` with at least one of the columns `visual, editing,
  preservation, overall`, whose cells say `a`, `b`, `tie`, or nothing where nobody was asked.

Neither paper publishes its tables; the columns of IEQA are not known here, and `ALSO` is the place for them.
Paths count from the folder of the table, or from a root that the caller names.

    python -m training.evaluation.tables scores.csv [--pairs]     read every row and print the bad ones
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.evaluation.cells import BadCellError, number, read_cells
from training.labelled_files import BadRowsError, Row, Sample, find_all, print_bad

__all__ = [
    "DIMENSIONS",
    "PairRow",
    "RatedPair",
    "RatedRow",
    "RatedSample",
    "read_pairs",
    "read_scores",
    "score_rows",
]

DIMENSIONS = ("visual", "editing", "preservation")
"""Perceptual quality, instruction following, visual consistency: the order of the head's outputs."""
ALSO = {
    "source": ("source_image", "original", "input"),
    "edited": ("edited_image", "target", "output"),
    "instruction": ("prompt", "editing_prompt", "edit_prompt"),
    "visual": ("visual_quality", "perceptual_quality", "quality"),
    "editing": ("alignment", "edit_alignment", "instruction_following"),
    "preservation": ("attribute_preservation", "visual_consistency", "consistency"),
}
ASPECTS = {
    "visual quality": "visual",
    "editing instruction alignment": "editing",
    "attribute preservation": "preservation",
}
QUERY = re.compile(
    r"editing prompt \[(?P<instruction>.*)\], the source image .* from (?P<aspect>.+?) aspect", re.DOTALL
)
RESPONSE = re.compile(r"score is\s*(-?\d+(?:\.\d+)?)")
VERDICTS = {"a": 1.0, "tie": 0.0, "b": -1.0, "": math.nan}

Three = tuple[float, float, float]


@dataclass(frozen=True)
class RatedSample:
    """An edit with the scores that people gave it."""

    sample: Sample
    scores: Three
    """0..100 in the order of DIMENSIONS; NaN where nobody rated."""


@dataclass(frozen=True)
class RatedRow:
    """The files of a rated edit, found but not yet read."""

    row: Row
    scores: Three

    def load(self) -> RatedSample:
        """Read and check the pictures."""
        return RatedSample(self.row.load(), self.scores)

    @property
    def pictures(self) -> tuple[Path, ...]:
        """The edited pictures, by which splits are told apart."""
        return (self.row.edited,)


@dataclass(frozen=True)
class RatedPair:
    """Two edits of one source and what people prefer."""

    a: Sample
    b: Sample
    preferred: tuple[float, float, float, float]
    """For DIMENSIONS and overall: 1 prefers a, -1 prefers b, 0 is a tie, NaN says nothing."""


@dataclass(frozen=True)
class PairRow:
    """The files of a compared pair, found but not yet read."""

    a: Row
    b: Row
    preferred: tuple[float, float, float, float]

    def load(self) -> RatedPair:
        """Read and check the pictures."""
        return RatedPair(self.a.load(), self.b.load(), self.preferred)

    @property
    def pictures(self) -> tuple[Path, ...]:
        """As those of a `RatedRow`."""
        return self.a.edited, self.b.edited


def read_scores(path: Path, root: Path | None = None) -> tuple[RatedRow, ...]:
    """The rated edits of a CSV or, where the name ends in .jsonl, of EditHF conversations."""
    lines = _conversations(path) if path.suffix == ".jsonl" else score_rows(path)
    rows: list[RatedRow] = []
    problems: list[str] = []
    for row, names, scores in lines:
        files, lost = find_all(root or path.parent, row, {n: names[n] for n in ("source", "edited")})
        problems += lost
        if not lost:
            rows.append(RatedRow(_row(path, row, files["source"], files["edited"], names, "edited"), scores))
    if problems:
        raise BadRowsError(path, problems)
    return tuple(rows)


def read_pairs(path: Path, root: Path | None = None) -> tuple[PairRow, ...]:
    """The compared pairs of a CSV."""
    columns = {"source": ALSO["source"], "a": (), "b": (), "instruction": ALSO["instruction"]}
    asked = (*DIMENSIONS, "overall")
    rows: list[PairRow] = []
    problems: list[str] = []
    for row, cells in read_cells(path, columns, dict.fromkeys(asked, ())):
        verdicts = {name: cells.get(name, "").lower() for name in asked}
        wrong = [
            f"row {row}, column {name}: {cell!r} is none of a, b, tie"
            for name, cell in verdicts.items()
            if cell not in VERDICTS
        ]
        if not any(verdicts.values()):
            wrong.append(f"row {row}: no preference in any of {', '.join(asked)}")
        files, lost = find_all(root or path.parent, row, {n: cells[n] for n in ("source", "a", "b")})
        problems += wrong + lost
        if not (wrong or lost):
            a, b = (_row(path, row, files["source"], files[name], cells, name) for name in ("a", "b"))
            visual, editing, preservation, overall = (VERDICTS[verdicts[name]] for name in asked)
            rows.append(PairRow(a, b, (visual, editing, preservation, overall)))
    if problems:
        raise BadRowsError(path, problems)
    return tuple(rows)


def score_rows(path: Path) -> Iterator[tuple[int, Mapping[str, str], Three]]:
    """Row number, cells and scores of each row of a CSV; its pictures are not looked for."""
    required = {name: ALSO[name] for name in ("source", "edited", "instruction")}
    rows: list[tuple[int, Mapping[str, str], Three]] = []
    problems: list[str] = []
    for row, cells in read_cells(path, required, {name: ALSO[name] for name in DIMENSIONS}):
        found: list[float] = []
        for name in DIMENSIONS:
            try:
                found.append(_score(cells.get(name, ""), row, name))
            except BadCellError as exc:
                problems.append(str(exc))
                found.append(0.0)
        if all(map(math.isnan, found)):
            problems.append(f"row {row}: no score in any of {', '.join(DIMENSIONS)}")
        rows.append((row, cells, (found[0], found[1], found[2])))
    if problems:
        raise BadRowsError(path, problems)
    return iter(rows)


def _conversations(path: Path) -> Iterator[tuple[int, Mapping[str, str], Three]]:
    """First line, names and scores of each edit that EditHF's conversations are about."""
    edits: dict[tuple[str, str, str], tuple[int, dict[str, float]]] = {}
    problems: list[str] = []
    for row, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            edit, dimension, score = _conversation(line, row)
        except BadCellError as exc:
            problems.append(str(exc))
            continue
        scores = edits.setdefault(edit, (row, {}))[1]
        if dimension in scores:
            problems.append(f"row {row}, column query: a second score of this edit for {dimension}")
        scores[dimension] = score
    if problems or not edits:
        raise BadRowsError(path, problems or ["no conversations"])
    for (source, edited, instruction), (row, scores) in edits.items():
        visual, editing, preservation = (scores.get(name, math.nan) for name in DIMENSIONS)
        names = {"source": source, "edited": edited, "instruction": instruction}
        yield row, names, (visual, editing, preservation)


def _conversation(line: str, row: int) -> tuple[tuple[str, str, str], str, float]:
    """(source, edited, instruction), dimension and score of one line."""
    try:
        said = json.loads(line)
        source, edited = map(str, said["images"])
        query, response = str(said["query"]), str(said["response"])
    except (ValueError, KeyError, TypeError) as exc:
        raise BadCellError(row, "the whole line", "no object with images (two), query, response") from exc
    asked = QUERY.search(query)
    if asked is None or asked["aspect"].strip() not in ASPECTS:
        raise BadCellError(row, "query", f"asks for none of {', '.join(ASPECTS)} in the words of EditHF")
    dimension = ASPECTS[asked["aspect"].strip()]
    answered = RESPONSE.search(response)
    if answered is None:
        raise BadCellError(row, "response", f"says no score: {response[:80]!r}")
    return (source, edited, asked["instruction"].strip()), dimension, _score(answered[1], row, "response")


def _score(cell: str, row: int, column: str) -> float:
    if not cell:
        return math.nan
    score = number(cell, row, column)
    if not 0 <= score <= 100:
        raise BadCellError(row, column, f"{cell} is no score of 0 to 100")
    return score


def _row(path: Path, row: int, source: Path, edited: Path, cells: Mapping[str, str], column: str) -> Row:
    return Row(path, row, source, edited, cells["instruction"], None, None, columns={"edited": column})


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Read every row of a table and print the bad ones.")
    parser.add_argument("table", type=Path)
    parser.add_argument("--pairs", action="store_true", help="a table of preferences, not of scores")
    parser.add_argument(
        "--root", type=Path, help="folder that paths count from; that of the table by default"
    )
    asked = parser.parse_args(arguments)
    try:
        read = read_pairs if asked.pairs else read_scores
        rows: Sequence[RatedRow | PairRow] = read(asked.table, asked.root)
    except (OSError, BadRowsError) as exc:
        print(exc)
        return 1
    return print_bad(rows)


if __name__ == "__main__":
    sys.exit(main())
