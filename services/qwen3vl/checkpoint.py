"""What does a checkpoint directory hold? Its layout, read strictly: nothing is guessed and nothing is random.

An adapter directory, as published, holds `adapter_config.json`, `adapter_model.safetensors`, the head of its
agent (`.pth` or `.safetensors`) and processor files. A merged directory, as `merge` writes it, holds a whole
model (`config.json`, `model*.safetensors`) instead of the adapter.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import Qwen3VLModel
from transformers.utils import logging as transformers_logging

from services.checkpoints import CheckpointError, HeadFile, first_line, read_json, refuse_misfits

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
MODEL_CONFIG = "config.json"
PROCESSOR_CONFIGS = ("preprocessor_config.json", "processor_config.json")
MODEL_TYPE = "qwen3_vl"
_LM_HEAD = "lm_head.weight"  # the one tensor of the published base that no head has a use for


@dataclass(frozen=True)
class Layout:
    """A directory whose kind is known."""

    directory: Path
    merged: bool
    """Whether it holds a whole model, not an adapter."""
    head: Path
    """The file of the agent's head."""

    def processor(self, base: Path) -> Path:
        """The directory to read the tokenizer and picture settings from: this one, or else the base."""
        for directory in (self.directory, base):
            if any((directory / name).is_file() for name in PROCESSOR_CONFIGS):
                return directory
        raise CheckpointError(
            f"{self.directory} holds no processor files ({' or '.join(PROCESSOR_CONFIGS)} and a tokenizer), "
            f"nor does {base}."
        )


def layout(directory: Path, head: HeadFile) -> Layout:
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
    return Layout(directory, merged=not adapter.is_file(), head=head.find(directory))


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
        raise CheckpointError(f"The model in {directory} cannot be loaded: {first_line(error)}") from error
    model: Qwen3VLModel = loaded[0]
    loading: dict[str, Any] = loaded[1]
    refuse_misfits(str(directory), loading["missing_keys"], set(loading["unexpected_keys"]) - {_LM_HEAD})
    return model.eval().requires_grad_(False)


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
