"""What do the files of a checkpoint say, and are they these very ones? JSON objects and digests."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from services.checkpoints.errors import CheckpointError

WEIGHTS = frozenset({".safetensors", ".pth"})
HASHED = WEIGHTS | {".json", ".jinja", ".txt"}
"""Kinds of files that decide about an answer."""


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


def file_digests(directory: Path) -> dict[str, str]:
    """SHA-256 of every file that decides about an answer, by name; several files are read at once."""
    files = [path for path in sorted(directory.iterdir()) if path.is_file() and path.suffix in HASHED]
    with ThreadPoolExecutor(max_workers=4) as threads:
        digests = threads.map(_file_digest, files)
    return {path.name: digest for path, digest in zip(files, digests, strict=True)}


def is_weights(name: str) -> bool:
    """Whether a file of that name holds trained numbers."""
    return Path(name).suffix in WEIGHTS


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
