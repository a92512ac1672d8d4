"""What did a scorer say of edits of known scores? Pairs and series of rising strength, read from JSON.

{"pairs": [{"split": "seen" | "unseen", "true": [q, f, c], "told": [q, f, c], "half_width": [q, f, c]}...],
 "series": [{"type": "blur", "strengths": [..], "overall": [..], "true": [..]}...]}

Scores are 0 to 100; q, f and c are quality, instruction following and consistency; half_width is that of the
90 % interval, and the lists of a series hold one number for each strength.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SPLITS = ("seen", "unseen")
DIMENSIONS = ("perceptual quality", "instruction following", "visual consistency")


class ToldError(ValueError):
    """A file that cannot be drawn."""


@dataclass(frozen=True)
class Pairs:
    """Edits of one split of the flaw generators."""

    true: np.ndarray
    """(N, 3)."""
    told: np.ndarray
    """(N, 3)."""
    half_width: np.ndarray
    """(N, 3), of 90 % intervals."""


@dataclass(frozen=True)
class Series:
    """One edit with one flaw, again and again, ever stronger."""

    flaw_type: str
    strengths: np.ndarray
    """(S,), rising."""
    overall: np.ndarray
    """(S,) as told."""
    true: np.ndarray
    """(S,)."""


@dataclass(frozen=True)
class Told:
    """All of a file."""

    pairs: dict[str, Pairs]
    """By split; a split without edits is left out."""
    series: dict[str, list[Series]]
    """By type of flaw."""


def read_told(path: Path) -> Told:
    """Read a file; ToldError with what is wrong and where."""
    try:
        content = json.loads(path.read_text())
    except OSError as exc:
        raise ToldError(f"{path} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise ToldError(f"{path} is no JSON: {exc}") from exc
    pairs, series = (_rows(content, name, path) for name in ("pairs", "series"))
    by_type: dict[str, list[Series]] = {}
    for number, row in enumerate(series):
        found = _series(row, f"{path}: series {number}")
        by_type.setdefault(found.flaw_type, []).append(found)
    return Told(_by_split(pairs, path), by_type)


def _rows(content: object, name: str, path: Path) -> list[dict[str, object]]:
    rows = content.get(name) if isinstance(content, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ToldError(f'{path} has no list "{name}" of objects')
    return rows


def _by_split(rows: Sequence[dict[str, object]], path: Path) -> dict[str, Pairs]:
    split: dict[str, list[list[np.ndarray]]] = {}
    for number, row in enumerate(rows):
        where = f"{path}: pair {number}"
        name = row.get("split")
        if not isinstance(name, str) or name not in SPLITS:
            raise ToldError(f"{where}: split is {name!r}, not one of {', '.join(SPLITS)}")
        columns = [_numbers(row, key, where) for key in ("true", "told", "half_width")]
        if any(len(column) != len(DIMENSIONS) for column in columns):
            raise ToldError(f"{where}: true, told and half_width hold {len(DIMENSIONS)} numbers each")
        split.setdefault(name, []).append(columns)
    return {name: Pairs(*np.array(split[name]).transpose(1, 0, 2)) for name in SPLITS if name in split}


def _series(row: dict[str, object], where: str) -> Series:
    name = row.get("type")
    if not isinstance(name, str):
        raise ToldError(f"{where}: type is {name!r}, not a name")
    strengths, overall, true = (_numbers(row, key, where) for key in ("strengths", "overall", "true"))
    if not len(strengths) == len(overall) == len(true) >= 2:
        raise ToldError(f"{where}: strengths, overall and true must be of one length, at least 2")
    if (np.diff(strengths) <= 0).any():
        raise ToldError(f"{where}: strengths do not rise")
    return Series(name, strengths, overall, true)


def _numbers(row: dict[str, object], key: str, where: str) -> np.ndarray:
    try:
        numbers = np.array(row.get(key), float)
    except (TypeError, ValueError) as exc:
        raise ToldError(f"{where}: {key} is not a list of numbers") from exc
    if numbers.ndim != 1 or not np.all((numbers >= 0) & (numbers <= 100)):
        raise ToldError(f"{where}: {key} is not a list of numbers of 0 to 100")
    return numbers
