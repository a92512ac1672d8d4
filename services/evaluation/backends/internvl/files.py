"""What do the files of a checkpoint hold? Read strictly: nothing is guessed and nothing in them is run."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from services.evaluation.backends.internvl.errors import CheckpointError

WEIGHTS = frozenset({".safetensors", ".pth"})
HASHED = WEIGHTS | {".json", ".txt"}
"""Kinds of files that decide about an answer."""
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_NAMED = 3  # tensors that a message names before it counts
_Built = TypeVar("_Built")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; what its fields mean is for the caller to check."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no file {path}.") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is not a JSON object.")
    return content


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a small file, by name."""
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}.")
    if path.suffix == ".safetensors":
        return dict(each_tensor(path))
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or forbidden archive makes the reader raise
        raise CheckpointError(f"{path} is damaged or no file of tensors: {_first_line(error)}") from error
    if not isinstance(state, Mapping) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise CheckpointError(f"{path} holds something else than named tensors.")
    return dict(state)


def each_tensor(path: Path) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a safetensors file one after the other, so that a large file is never held twice."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            # The reader is compiled and has no annotations.
            names: list[str] = list(file.keys())
            for name in names:
                yield name, file.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or no file of tensors: {_first_line(error)}") from error


def shards(directory: Path) -> list[Path]:
    """The files of a whole model: one, or those that its index names."""
    if not (directory / INDEX).is_file():
        if not (directory / SINGLE).is_file():
            raise CheckpointError(f"{directory} holds no model: neither {SINGLE} nor {INDEX}.")
        return [directory / SINGLE]
    index = read_json(directory / INDEX).get("weight_map")
    names: set[object] = set(index.values()) if isinstance(index, dict) else set()
    found: list[Path] = []
    for name in sorted(map(str, names)):
        path = directory / name
        if path.name != name or not path.is_file():
            raise CheckpointError(f"{directory / INDEX} names {name!r}, and {directory} holds no such file.")
        found.append(path)
    if not found:
        raise CheckpointError(f"{directory / INDEX} names no files.")
    return found


def check_names(
    where: str, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], unknown: Iterable[str] = ()
) -> None:
    """Refuse tensors that are missing, unknown or of another shape, by name."""
    wrongs = {
        "missing": sorted(wanted.keys() - found.keys()),
        "not known": sorted({*unknown, *(found.keys() - wanted.keys())}),
        "of the wrong shape": [
            f"{name} is {_shape(found[name])} and should be {_shape(tensor)}"
            for name, tensor in wanted.items()
            if name in found and found[name].shape != tensor.shape
        ],
    }
    parts = [
        f"{len(names)} {'tensor is' if len(names) == 1 else 'tensors are'} {wrong} "
        f"({', '.join(names[:_NAMED])}{', ...' if len(names) > _NAMED else ''})"
        for wrong, names in wrongs.items()
        if names
    ]
    if parts:
        raise CheckpointError(f"{where} does not fit: {'; '.join(parts)}.")


def check_finite(where: str, state: Mapping[str, Tensor]) -> None:
    """Refuse tensors with values that are no numbers: every score would be none."""
    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{where}: {name} holds values that are no finite numbers.")


def file_digests(directory: Path) -> dict[str, str]:
    """SHA-256 of every file that decides about an answer, by name; several files are read at once."""
    files = [path for path in sorted(directory.iterdir()) if path.is_file() and path.suffix in HASHED]
    with ThreadPoolExecutor(max_workers=4) as threads:
        digests = threads.map(_file_digest, files)
    return {path.name: digest for path, digest in zip(files, digests, strict=True)}


def built(where: str, build: Callable[[], _Built]) -> _Built:
    """What a library makes of settings from a file; its refusals become ours."""
    try:
        return build()
    except Exception as error:  # libraries refuse nonsense with errors of many families
        raise CheckpointError(f"{where}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shape(tensor: Tensor) -> str:
    return "x".join(str(side) for side in tensor.shape) or "scalar"
