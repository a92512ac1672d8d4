"""How do three aspects share one resident model? LoRA sums beside its layers, those of one aspect at a time.

The published adapters were made on the authors' code, in which query, key and value are one layer. A low-rank
change of that layer is the same change of the library's three: each gets the whole of A and its third of B.
The sums are made as PEFT makes them: in float32, scaled by alpha / r, then rounded to the type of the layer.
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import InternVLModel

from services.checkpoints import (
    CheckpointError,
    check_effect,
    check_finite,
    check_names,
    read_lora,
    read_tensors,
)
from services.evaluation.backends.internvl.aspects import Aspect
from services.evaluation.backends.internvl.names import Places, adapted_places, parted

WRAPPED = {"vision_lora": "vision_model", "llm_lora": "language_model"}
"""Directories of an aspect, and what each adapter was made on."""
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
_REFUSED = (
    "alora_invocation_tokens",
    "alpha_pattern",
    "arrow_config",
    "exclude_modules",
    "fan_in_fan_out",
    "kasa_config",
    "layer_replication",
    "layers_to_transform",
    "lora_bias",
    "modules_to_save",
    "monteclora_config",
    "rank_pattern",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_dora",
    "use_qalora",
    "velora_config",
)
_MOVES_BASE = ("corda", "loftq", "lora_ga", "olora", "pissa")  # beginnings that take weight out of the base


@dataclass(frozen=True)
class LoraSettings:
    """What `adapter_config.json` says; its base path is the author's and is not used."""

    rank: int
    scale: float
    targets: str | tuple[str, ...]

    def takes(self, layer: str) -> bool:
        """Whether a layer is adapted: the name as a whole fits the pattern, or ends as a target is called."""
        if isinstance(self.targets, str):
            return re.fullmatch(self.targets, layer) is not None
        return any(layer == target or layer.endswith(f".{target}") for target in self.targets)


@dataclass(frozen=True)
class LowRank:
    """What an adapter adds to a layer."""

    down: Tensor
    """(rank, in), float32."""
    up: Tensor
    """(out, rank), float32."""
    scale: float

    def added(self, seen: Tensor, answered: Tensor) -> Tensor:
        """The layer's answer to what it saw, with the change."""
        change = nn.functional.linear(nn.functional.linear(seen.to(self.down.dtype), self.down), self.up)
        return (answered + change * self.scale).to(answered.dtype)


class Adapters:
    """The changes of all aspects on one model, and which of them are in force: none, until asked for."""

    def __init__(self, model: InternVLModel) -> None:
        self._model = model
        self._changes: dict[str, dict[Aspect, LowRank]] = {}
        self._active: Aspect | None = None

    def attach(self, aspect: Aspect, directory: Path) -> None:
        """Read both adapters of an aspect and put them beside those that are there."""
        for name, wrapped in WRAPPED.items():
            places = adapted_places(self._model, wrapped)
            for layer, change in _read_adapter(directory / name, self._model, places).items():
                if layer not in self._changes:
                    self._changes[layer] = {}
                    self._model.get_submodule(layer).register_forward_hook(partial(self._hook, layer))
                self._changes[layer][aspect] = change

    @contextmanager
    def of(self, aspect: Aspect) -> Iterator[None]:
        """Inside, the model is that of the aspect."""
        self._active = aspect
        try:
            yield
        finally:
            self._active = None

    def _hook(self, layer: str, _: nn.Module, seen: tuple[Tensor, ...], answered: Tensor) -> Tensor:
        change = self._changes[layer].get(self._active) if self._active else None
        return answered if change is None else change.added(seen[0], answered)


def read_settings(path: Path) -> LoraSettings:
    """What an adapter's settings say; those that this loader would not obey are refused."""
    raw = read_lora(path, _REFUSED, refused_starts=_MOVES_BASE)
    rank, alpha = int(raw["r"]), float(raw["lora_alpha"])
    scale = alpha / math.sqrt(rank) if raw.get("use_rslora") else alpha / rank
    return LoraSettings(rank, scale, _targets(path, raw.get("target_modules")))


def _targets(path: Path, given: Any) -> str | tuple[str, ...]:
    if isinstance(given, str) and given:
        try:
            re.compile(given)
        except re.error as error:
            raise CheckpointError(f"{path}: target_modules is no pattern: {error}") from error
        return given
    if isinstance(given, list) and given and all(isinstance(target, str) for target in given):
        return tuple(given)
    raise CheckpointError(f"{path} names no target_modules.")


def _read_adapter(directory: Path, model: InternVLModel, places: Mapping[str, Places]) -> dict[str, LowRank]:
    """The change of each layer of the model that an adapter makes, by the name that the model gives it."""
    if not directory.is_dir():
        raise CheckpointError(f"There is no directory {directory} with an adapter.")
    settings = read_settings(directory / ADAPTER_CONFIG)
    path = directory / ADAPTER_WEIGHTS
    given = read_tensors(path)
    layers = [layer for layer in places if settings.takes(layer)]
    if not any(places[layer] for layer in layers):
        raise CheckpointError(
            f"{directory / ADAPTER_CONFIG}: target_modules {settings.targets!r} names no layer of the base."
        )
    check_names(str(path), _wanted(layers, places, model, settings.rank, given), given)
    check_finite(str(path), given)
    factors = {
        layer: (given[f"{_PREFIX}{layer}.lora_A.weight"], given[f"{_PREFIX}{layer}.lora_B.weight"])
        for layer in layers
        if places[layer]
    }
    check_effect(str(path), factors.values())
    changes: dict[str, LowRank] = {}
    for layer, (down, up) in factors.items():
        for place, part in zip(places[layer], parted(up, places[layer]), strict=True):
            device = model.get_submodule(place).get_parameter("weight").device
            changes[place] = LowRank(
                down.to(device=device, dtype=torch.float32),
                part.to(device=device, dtype=torch.float32),
                settings.scale,
            )
    return changes


def _wanted(
    layers: list[str],
    places: Mapping[str, Places],
    model: InternVLModel,
    rank: int,
    given: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """Both matrices of each layer, as plans without content."""
    wanted: dict[str, Tensor] = {}
    for layer in layers:
        names = {matrix: f"{_PREFIX}{layer}.lora_{matrix}.weight" for matrix in "AB"}
        if not places[layer]:  # the LM head has no say here: whatever there is of it will do
            wanted |= {name: given[name] for name in names.values() if name in given}
            continue
        weights = [model.get_submodule(place).get_parameter("weight") for place in places[layer]]
        rows = sum(weight.shape[0] for weight in weights)
        wanted[names["A"]] = torch.empty(rank, weights[0].shape[1], device="meta")
        wanted[names["B"]] = torch.empty(rows, rank, device="meta")
    return wanted
