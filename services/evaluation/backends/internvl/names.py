"""Which parameter of the transformers library is a published tensor? Names, and thirds of qkv.

The published base keeps the names of its authors' own code: `vision_model` with one matrix for query, key
and value, `mlp1` and `language_model`. The library has other names and three matrices. A tensor of the
first is nowhere (the LM head, which the score does not read), in one place, or in three, in this order:
query, key, value.
"""

import re
from collections.abc import Iterable, Sequence

from torch import Tensor, nn
from transformers import InternVLModel

from services.checkpoints import CheckpointError

Places = tuple[str, ...]
NOWHERE: Places = ()
QKV = 3
_LAYER = r"vision_model\.encoder\.layers\.(\d+)\."
_ATTENTION = r"vision_tower.encoder.layer.\1.attention."
_RULES: tuple[tuple[str, Places], ...] = (
    (r"vision_model\.embeddings\.class_embedding", ("vision_tower.embeddings.cls_token",)),
    (r"vision_model\.embeddings\.position_embedding", ("vision_tower.embeddings.position_embeddings",)),
    (
        r"vision_model\.embeddings\.patch_embedding\.(weight|bias)",
        (r"vision_tower.embeddings.patch_embeddings.projection.\1",),
    ),
    (_LAYER + r"ls([12])", (r"vision_tower.encoder.layer.\1.lambda_\2",)),
    (_LAYER + r"norm1\.(weight|bias)", (r"vision_tower.encoder.layer.\1.layernorm_before.\2",)),
    (_LAYER + r"norm2\.(weight|bias)", (r"vision_tower.encoder.layer.\1.layernorm_after.\2",)),
    (_LAYER + r"attn\.qkv\.(weight|bias)", tuple(rf"{_ATTENTION}{part}_proj.\2" for part in "qkv")),
    (_LAYER + r"attn\.proj\.(weight|bias)", (rf"{_ATTENTION}projection_layer.\2",)),
    (_LAYER + r"mlp\.(fc1|fc2)\.(weight|bias)", (r"vision_tower.encoder.layer.\1.mlp.\2.\3",)),
    (r"mlp1\.0\.(weight|bias)", (r"multi_modal_projector.layer_norm.\1",)),
    (r"mlp1\.1\.(weight|bias)", (r"multi_modal_projector.linear_1.\1",)),
    (r"mlp1\.3\.(weight|bias)", (r"multi_modal_projector.linear_2.\1",)),
    (r"language_model\.model\.(.+)", (r"language_model.\1",)),
    (r"language_model\.lm_head\.weight", NOWHERE),
)
_LIBRARY_RULES: tuple[tuple[str, Places], ...] = (
    (r"(?:model\.)?(vision_tower\..+|multi_modal_projector\..+)", (r"\1",)),
    (r"language_model\.model\.(.+)", (r"language_model.\1",)),  # as releases before 4.52 wrote it
    (r"(?:model\.)?language_model\.(?!lm_head|model\.)(.+)", (r"language_model.\1",)),
    (r"(?:language_model\.)?lm_head\.weight", NOWHERE),
)


def published(name: str) -> Places | None:
    """Where a tensor of the authors' layout belongs; None where it is no tensor of it."""
    return _first_match(name, _RULES)


def library(name: str) -> Places | None:
    """The same for the layout of the transformers library, whatever release wrote it."""
    return _first_match(name, _LIBRARY_RULES)


def parted(tensor: Tensor, places: Places) -> Sequence[Tensor]:
    """A tensor as its places take it: whole, or by rows in three."""
    if len(places) == QKV:
        return tensor.tensor_split(QKV)
    return [tensor] * len(places)


def adapted_places(model: InternVLModel, wrapped: str) -> dict[str, Places]:
    """Linear layers of `vision_model` or `language_model` by their published names, and where each is now."""
    if wrapped == "vision_model":
        layers = range(len(model.vision_tower.encoder.layer))
        inside = [
            f"encoder.layers.{n}.{name}"
            for n in layers
            for name in ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
        ]
    else:
        inside = [f"model.{name}" for name in _linear(model.language_model)] + ["lm_head"]
    return {name: _layer_places(f"{wrapped}.{name}") for name in inside}


def _layer_places(layer: str) -> Places:
    places = published(f"{layer}.weight")
    if places is None:
        raise CheckpointError(f"The language model has a layer {layer} that no published one has.")
    return tuple(place.removesuffix(".weight") for place in places)


def _linear(module: nn.Module) -> Iterable[str]:
    return (name for name, layer in module.named_modules() if isinstance(layer, nn.Linear))


def _first_match(name: str, rules: Iterable[tuple[str, Places]]) -> Places | None:
    for pattern, places in rules:
        match = re.fullmatch(pattern, name)
        if match:
            return tuple(match.expand(place) for place in places)
    return None
