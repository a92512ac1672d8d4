"""What does a file of a checkpoint hold? Read without running anything; what is wrong with it is named."""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from services.qwen3vl.errors import CheckpointError

WEIGHTS = frozenset({".safetensors", ".pth"})
HASHED = WEIGHTS | {".json", ".jinja", ".txt"}
"""Kinds of files that decide about an answer."""
_NAMED = 3  # tensors that a message names before it counts


def read_tensors(path: Path) -> dict[str, Tensor]:
    """A file of named tensors; nothing in it is run."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or forbidden archive makes the reader raise
        raise CheckpointError(f"{path} is damaged or no file of tensors: {first_line(error)}") from error
    if not isinstance(state, Mapping) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise CheckpointError(f"{path} holds something else than named tensors.")
    return dict(state)


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


def check_names(where: str, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are missing, unknown or of another shape, by name."""
    misshapen = [
        f"{name} is {_shape(found[name])} and should be {_shape(tensor)}"
        for name, tensor in wanted.items()
        if name in found and found[name].shape != tensor.shape
    ]
    refuse_misfits(
        where, sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys()), misshapen
    )


def refuse_misfits(
    where: str, missing: list[str], unexpected: list[str], misshapen: list[str] | None = None
) -> None:
    """An error that counts and names the tensors, where there are any."""
    wrongs = {"missing": missing, "not known": unexpected, "of the wrong shape": misshapen or []}
    parts = [
        f"{len(names)} {'tensor is' if len(names) == 1 else 'tensors are'} {wrong} "
        f"({', '.join(names[:_NAMED])}{', ...' if len(names) > _NAMED else ''})"
        for wrong, names in wrongs.items()
        if names
    ]
    if parts:
        raise CheckpointError(f"{where} does not fit: {'; '.join(parts)}.")


def contiguous(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors in the form that files take."""
    return {key: tensor.detach().cpu().contiguous() for key, tensor in state.items()}


def file_digests(directory: Path) -> dict[str, str]:
    """SHA-256 of every file that decides about an answer, by name; several files are read at once."""
    files = [path for path in sorted(directory.iterdir()) if path.is_file() and path.suffix in HASHED]
    with ThreadPoolExecutor(max_workers=4) as threads:
        digests = threads.map(_file_digest, files)
    return {path.name: digest for path, digest in zip(files, digests, strict=True)}


def is_weights(name: str) -> bool:
    """Whether a file of that name holds trained numbers."""
    return Path(name).suffix in WEIGHTS


def first_line(error: Exception) -> str:
    """What an error says, without the tables that some libraries add."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shape(tensor: Tensor) -> str:
    return "x".join(str(side) for side in tensor.shape) or "scalar"
