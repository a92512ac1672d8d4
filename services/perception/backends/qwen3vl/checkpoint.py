"""What does a checkpoint directory hold? Its layout, read strictly: nothing is guessed and nothing is random.

An adapter directory, as published, holds `adapter_config.json`, `adapter_model.safetensors`, the decoder
(`sal_head.pth` or `sal_head.safetensors`) and processor files. A merged directory, as `merge` writes it,
holds a whole model (`config.json`, `model*.safetensors`) instead of the adapter.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import Qwen3VLModel
from transformers.utils import logging as transformers_logging

from services.perception.backends.qwen3vl.decoder import SaliencyDecoder, shape_of
from services.perception.backends.qwen3vl.errors import CheckpointError

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
MODEL_CONFIG = "config.json"
HEADS = ("sal_head.safetensors", "sal_head.pth")
PROCESSOR_CONFIGS = ("preprocessor_config.json", "processor_config.json")
MODEL_TYPE = "qwen3_vl"
WEIGHTS = frozenset({".safetensors", ".pth"})
HASHED = WEIGHTS | {".json", ".jinja", ".txt"}
"""Kinds of files that decide about an answer."""
_LM_HEAD = "lm_head.weight"  # the one tensor of the published base that perception has no use for
_NAMED = 3  # tensors that a message names before it counts


@dataclass(frozen=True)
class Layout:
    """A directory whose kind is known."""

    directory: Path
    merged: bool
    """Whether it holds a whole model, not an adapter."""
    head: Path
    """The file of the decoder."""

    def processor(self, base: Path) -> Path:
        """The directory to read the tokenizer and picture settings from: this one, or else the base."""
        for directory in (self.directory, base):
            if any((directory / name).is_file() for name in PROCESSOR_CONFIGS):
                return directory
        raise CheckpointError(
            f"{self.directory} holds no processor files ({' or '.join(PROCESSOR_CONFIGS)} and a tokenizer), "
            f"nor does {base}."
        )


def layout(directory: Path) -> Layout:
    """Which of the two layouts a directory has."""
    if not directory.is_dir():
        raise CheckpointError(f"There is no directory {directory}.")
    adapter, config = directory / ADAPTER_WEIGHTS, directory / ADAPTER_CONFIG
    if adapter.is_file() != config.is_file():
        there, missing = (adapter, config) if adapter.is_file() else (config, adapter)
        raise CheckpointError(f"{directory} holds {there.name} but not {missing.name}.")
    if not adapter.is_file() and not (directory / MODEL_CONFIG).is_file():
        raise CheckpointError(
            f"{directory} is no checkpoint: it holds neither an adapter ({ADAPTER_CONFIG}, "
            f"{ADAPTER_WEIGHTS}) nor a merged model ({MODEL_CONFIG}, model.safetensors)."
        )
    heads = [directory / name for name in HEADS if (directory / name).is_file()]
    if len(heads) != 1:
        found = "both of" if heads else "none of"
        raise CheckpointError(
            f"{directory} must hold one saliency decoder; it has {found} {', '.join(HEADS)}."
        )
    return Layout(directory, merged=not adapter.is_file(), head=heads[0])


def load_model(directory: Path, *, dtype: torch.dtype, device: str) -> Qwen3VLModel:
    """The vision tower and language model of a base or merged directory, in eval mode."""
    if not directory.is_dir():
        raise CheckpointError(f"There is no directory {directory} with the base model, Qwen3-VL-8B-Instruct.")
    config = read_json(directory / MODEL_CONFIG)
    if config.get("model_type") != MODEL_TYPE:
        raise CheckpointError(
            f"{directory / MODEL_CONFIG} describes a {config.get('model_type')!r} model, not {MODEL_TYPE!r}."
        )
    try:
        # With loading information the library answers a pair, which its annotations do not tell.
        with _quiet():
            loaded: Any = Qwen3VLModel.from_pretrained(
                directory,
                dtype=dtype,
                device_map={"": device},
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
            )
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"The model in {directory} cannot be loaded: {_first_line(error)}") from error
    model: Qwen3VLModel = loaded[0]
    loading: dict[str, Any] = loaded[1]
    missing = sorted(loading["missing_keys"])
    unexpected = sorted(set(loading["unexpected_keys"]) - {_LM_HEAD})
    _refuse(str(directory), missing, unexpected, [])
    return model.eval().requires_grad_(False)


def load_decoder(path: Path, *, dtype: torch.dtype, device: str) -> SaliencyDecoder:
    """A decoder of any widths, with every tensor in its place; in eval mode."""
    state = read_tensors(path)
    try:
        decoder = SaliencyDecoder(shape_of(state))
    except KeyError as error:
        raise CheckpointError(f"{path} is not a saliency decoder: it has no tensor {error}.") from error
    except (ValueError, IndexError) as error:
        raise CheckpointError(f"{path} is not a saliency decoder: {error}.") from error
    check_names(str(path), decoder.state_dict(), state)
    decoder.load_state_dict(state)
    return decoder.to(device=device, dtype=dtype).eval().requires_grad_(False)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """A file of named tensors; nothing in it is run."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or forbidden archive makes the reader raise
        raise CheckpointError(f"{path} is damaged or no file of tensors: {_first_line(error)}") from error
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
    _refuse(where, sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys()), misshapen)


def file_digests(directory: Path) -> dict[str, str]:
    """SHA-256 of every file that decides about an answer, by name; several files are read at once."""
    files = [path for path in sorted(directory.iterdir()) if path.is_file() and path.suffix in HASHED]
    with ThreadPoolExecutor(max_workers=4) as threads:
        digests = threads.map(_file_digest, files)
    return {path.name: digest for path, digest in zip(files, digests, strict=True)}


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar and no table about the LM head: what matters of it becomes an error."""
    level, bar = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bar:
            transformers_logging.enable_progress_bar()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse(where: str, missing: list[str], unexpected: list[str], misshapen: list[str]) -> None:
    wrongs = {"missing": missing, "not known": unexpected, "of the wrong shape": misshapen}
    parts = [
        f"{len(names)} {'tensor is' if len(names) == 1 else 'tensors are'} {wrong} "
        f"({', '.join(names[:_NAMED])}{', ...' if len(names) > _NAMED else ''})"
        for wrong, names in wrongs.items()
        if names
    ]
    if parts:
        raise CheckpointError(f"{where} does not fit: {'; '.join(parts)}.")


def _shape(tensor: Tensor) -> str:
    return "x".join(str(side) for side in tensor.shape) or "scalar"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
