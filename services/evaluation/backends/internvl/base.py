"""How does InternVL3_5-8B become a model of the transformers library? From either layout, strictly.

The published repository needs its authors' code, which is not run here: its settings and tensors are read
under their names and put where the library's own InternVL has them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import InternVLConfig, InternVLModel, InternVLVisionConfig, Qwen3Config
from transformers.models.qwen3.modeling_qwen3 import Qwen3RotaryEmbedding

from services.checkpoints import (
    CheckpointError,
    built,
    check_names,
    each_tensor,
    read_json,
    refuse_misfits,
    shards,
)
from services.evaluation.backends.internvl.names import Places, library, parted, published

CONFIG = "config.json"
PUBLISHED, LIBRARY = "internvl_chat", "internvl"
SIDE = 448
"""Pixels of each side of a picture: the weights know no other."""
PATCH = 14
SHRINK = 0.5
PICTURE_TOKENS = int((SIDE // PATCH) ** 2 * SHRINK**2)
_RENAMED = {
    "hidden_size": "hidden_size",
    "num_hidden_layers": "num_hidden_layers",
    "num_attention_heads": "num_attention_heads",
    "intermediate_size": "intermediate_size",
    "hidden_act": "hidden_act",
    "norm_type": "norm_type",
    "layer_norm_eps": "layer_norm_eps",
    "qkv_bias": "attention_bias",
    "qk_normalization": "use_qk_norm",
    "image_size": "image_size",
    "patch_size": "patch_size",
}
"""Settings of the vision model that decide about an answer, by the names of authors and library."""


def load_base(directory: Path, *, image_token_id: int, dtype: torch.dtype, device: str) -> InternVLModel:
    """The vision tower, projector and language model of a directory, in eval mode and without gradients."""
    if not directory.is_dir():
        raise CheckpointError(f"There is no directory {directory} with the base model, InternVL3_5-8B.")
    path = directory / CONFIG
    raw = read_json(path)
    kind = raw.get("model_type")
    if kind == PUBLISHED:
        config, rule = _published_config(path, raw, image_token_id), published
    elif kind == LIBRARY:
        config, rule = built(str(path), lambda: InternVLConfig.from_dict(raw)), library
    else:
        raise CheckpointError(f"{path} describes a {kind!r} model, not {PUBLISHED!r} or {LIBRARY!r}.")
    _check_config(path, config, image_token_id)
    with torch.device("meta"):
        model = built(str(path), lambda: InternVLModel(config))
    state = _read_state(directory, rule, dtype, device)
    check_names(str(directory), model.state_dict(), state)
    model.load_state_dict(state, assign=True)
    # The library annotates the settings of any language model; _check_config has let Qwen3's pass.
    text: Any = config.text_config
    # Angles are no tensors of the checkpoint: they are computed anew where the model was only a plan.
    model.language_model.rotary_emb = Qwen3RotaryEmbedding(text).to(device)
    return model.eval().requires_grad_(False)


def _read_state(
    directory: Path, rule: Callable[[str], Places | None], dtype: torch.dtype, device: str
) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    unknown: list[str] = []
    for path in shards(directory):
        for name, tensor in each_tensor(path):
            places = rule(name)
            if places is None:
                unknown.append(name)
                continue
            for place, part in zip(places, parted(tensor, places), strict=True):
                if place in state:
                    raise CheckpointError(f"{path} holds {name}, whose place {place} was filled before.")
                state[place] = part.to(device=device, dtype=dtype)
    refuse_misfits(str(directory), (), unknown)
    return state


def _published_config(path: Path, raw: dict[str, Any], image_token_id: int) -> InternVLConfig:
    """The library's settings out of those that the authors' code reads."""
    vision, text = raw.get("vision_config"), raw.get("llm_config")
    if not isinstance(vision, dict) or not isinstance(text, dict):
        raise CheckpointError(f"{path} holds no vision_config and llm_config.")
    missing = sorted(name for name in _RENAMED if name not in vision)
    if missing:
        raise CheckpointError(f"{path}: vision_config lacks {', '.join(missing)}.")
    fixed = {"select_layer": (-1, "-1"), "ps_version": ("v2", "'v2'")}
    for name, (wanted, told) in fixed.items():
        if raw.get(name) != wanted:
            raise CheckpointError(f"{path}: {name} is {raw.get(name)!r}; this loader knows {told}.")
    ratio = raw.get("downsample_ratio")
    if not isinstance(ratio, float):
        raise CheckpointError(f"{path}: downsample_ratio is {ratio!r}; it must be {SHRINK}.")
    side = raw.get("force_image_size")
    if side not in (None, vision["image_size"]):
        raise CheckpointError(
            f"{path}: force_image_size is {side!r} and image_size {vision['image_size']!r}."
        )
    return built(
        str(path),
        lambda: InternVLConfig(
            text_config=Qwen3Config.from_dict(text) if text.get("model_type") == "qwen3" else text,
            vision_config=InternVLVisionConfig(**{ours: vision[its] for its, ours in _RENAMED.items()}),
            image_token_id=image_token_id,
            image_seq_length=PICTURE_TOKENS,
            downsample_ratio=ratio,
        ),
    )


def _check_config(path: Path, config: InternVLConfig, image_token_id: int) -> None:
    """Refuse what the published scorer was not made on; most of all another size of pictures."""
    # The library annotates both as settings of any model.
    vision: Any = config.vision_config
    text: Any = config.text_config
    wanted: dict[str, tuple[object, object]] = {
        "size of pictures": (tuple(vision.image_size), (SIDE, SIDE)),
        "patch size": (tuple(vision.patch_size), (PATCH, PATCH)),
        "downsample ratio": (config.downsample_ratio, SHRINK),
        "vision layer that is read": (config.vision_feature_layer, -1),
        "selection of patches": (config.vision_feature_select_strategy, "default"),
        "language model": (text.model_type, "qwen3"),
        "id of <IMG_CONTEXT>": (config.image_token_id, image_token_id),
        "norm of queries and keys": (vision.use_qk_norm, False),
        "mean pooling": (vision.use_mean_pooling, True),
    }
    wrong = [
        f"the {name} is {its!r} and must be {ours!r}" for name, (its, ours) in wanted.items() if its != ours
    ]
    if wrong:
        raise CheckpointError(f"{path} does not fit the EditHF scorer: {'; '.join(wrong)}.")
