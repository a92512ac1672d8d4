"""How do several LoRA adapters share one resident model? Attached by name, one of them active at a time."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import Qwen3VLModel

from services.checkpoints import (
    CheckpointError,
    check_effect,
    check_names,
    contiguous,
    read_lora,
    read_tensors,
)
from services.qwen3vl.checkpoint import ADAPTER_CONFIG, ADAPTER_WEIGHTS

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""What the published adapters change; blocks of the vision tower have other names."""
PROCESSOR_FILES = frozenset(
    {
        "added_tokens.json",
        "chat_template.jinja",
        "chat_template.json",
        "merges.txt",
        "preprocessor_config.json",
        "processor_config.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "video_preprocessor_config.json",
        "vocab.json",
    }
)
_PREFIX = "base_model.model."
_USED = ("target_modules", "exclude_modules", "use_rslora", "rank_pattern", "alpha_pattern")
_REFUSED = (
    "use_dora",
    "modules_to_save",
    "layer_replication",
    "target_parameters",
    "fan_in_fan_out",
    "lora_bias",
)


def lora(rank: int = 64, alpha: int = 32, targets: Iterable[str] = PROJECTIONS) -> LoraConfig:
    """A new adapter with the settings of the published ones."""
    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=0.0,
        bias="none",
        target_modules=list(targets),
        task_type="FEATURE_EXTRACTION",
    )


def read_settings(directory: Path) -> LoraConfig:
    """What `adapter_config.json` says, without the base path: that is the author's."""
    path = directory / ADAPTER_CONFIG
    raw = read_lora(path, _REFUSED)
    kept = {name: raw[name] for name in _USED if raw.get(name) is not None}
    if "target_modules" not in kept:
        raise CheckpointError(f"{path} names no target_modules.")
    try:
        return LoraConfig(
            r=int(raw["r"]), lora_alpha=raw["lora_alpha"], task_type="FEATURE_EXTRACTION", **kept
        )
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error


def attach(model: Qwen3VLModel | PeftModel, name: str, directory: Path) -> PeftModel:
    """Put the adapter of a directory on the model, in place, beside those that are there."""
    adapted = attach_new(model, name, read_settings(directory), where=str(directory))
    path = directory / ADAPTER_WEIGHTS
    given = {_canonical(key): tensor for key, tensor in read_tensors(path).items()}
    places = _places(adapted, name)
    check_names(str(path), places, given)
    with torch.no_grad():
        for key, place in places.items():
            place.copy_(given[key])
            place.requires_grad_(False)
    return adapted.eval()


def refuse_inert(adapted: PeftModel, name: str, directory: Path) -> None:
    """Refuse an adapter that leaves the model as it is."""
    places = _places(adapted, name)
    check_effect(
        str(directory / ADAPTER_WEIGHTS),
        ((places[key.replace(".lora_B.", ".lora_A.")], b) for key, b in places.items() if ".lora_B." in key),
    )


def attach_new(
    model: Qwen3VLModel | PeftModel, name: str, config: LoraConfig, *, where: str = "", float32: bool = False
) -> PeftModel:
    """Put a fresh adapter on the model, in place; with `float32` it keeps that precision on a bf16 model.

    Training wants the precision. For inference the published code casts to bf16 on the fly: nothing is lost.
    """
    try:
        if isinstance(model, PeftModel):
            model.add_adapter(name, config, autocast_adapter_dtype=float32)
            return model
        return get_peft_model(model, config, adapter_name=name, autocast_adapter_dtype=float32)
    except ValueError as error:
        raise CheckpointError(f"The adapter {where or name} does not fit the model: {error}") from error


def save_adapter(directory: Path, adapted: PeftModel, name: str) -> None:
    """Write one adapter and its settings in the published layout."""
    directory.mkdir(parents=True, exist_ok=True)
    save_file(contiguous(_places(adapted, name)), directory / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    config: Any = adapted.peft_config[name]
    config.save_pretrained(directory)


def copy_processor(source: Path, target: Path) -> None:
    """Copy tokenizer, chat template and picture settings."""
    for path in sorted(source.iterdir()):
        if path.name in PROCESSOR_FILES and source != target:
            shutil.copyfile(path, target / path.name)


def _places(adapted: PeftModel, name: str) -> dict[str, torch.nn.Parameter]:
    """The parameters of one adapter under the names that files give them."""
    marker = f".{name}.weight"
    return {
        key.removesuffix(marker) + ".weight": parameter
        for key, parameter in adapted.named_parameters()
        if key.endswith(marker) and ".lora_" in key
    }


def _canonical(key: str) -> str:
    """One name for a tensor, whether the adapter was made on the model alone or on it with its LM head."""
    if key.startswith(_PREFIX + "model."):
        return _PREFIX + key.removeprefix(_PREFIX + "model.")
    return key
