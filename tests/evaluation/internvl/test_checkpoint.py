"""A directory that is not exactly a checkpoint is refused: the message names the file and what is wrong."""

import shutil
from pathlib import Path

import pytest
import torch

from services.checkpoints import CheckpointError
from services.evaluation.backends.internvl import InternVLScorer
from tests.checkpoints.spoiling import (
    Spoil,
    cut,
    removed,
    section,
    settings,
    tensors,
    written,
    zeroed,
)
from tests.evaluation.internvl.published import options_of

VISUAL = "lora_checkpoints_visual"
HEAD = f"{VISUAL}/mlp_head.pth"
CONFIG = f"{VISUAL}/vision_lora/adapter_config.json"
ADAPTER = f"{VISUAL}/vision_lora/adapter_model.safetensors"
LANGUAGE = f"{VISUAL}/llm_lora/adapter_model.safetensors"
QKV = "base_model.model.encoder.layers.1.attn.qkv.lora_B.weight"
BASE = "base/config.json"
INDEX = "base/model.safetensors.index.json"
VISION_SHARD, LANGUAGE_SHARD = (f"base/model-0000{n}-of-00002.safetensors" for n in (1, 2))

SPOILED: dict[str, tuple[Spoil, str]] = {
    # the base
    "no base": (lambda d: shutil.rmtree(d / "base"), r"base holds no tokenizer"),
    "no tokenizer": (removed("base/tokenizer.json"), r"base holds no tokenizer \(tokenizer\.json, or"),
    "a broken tokenizer": (written("base/tokenizer.json", b"{"), r"base holds no usable tokenizer"),
    "no settings": (removed(BASE), r"There is no file .*base/config\.json"),
    "half the settings": (written(BASE, b"{"), r"config\.json is not JSON"),
    "another model": (
        settings(BASE, model_type="qwen3_vl"),
        r"describes a 'qwen3_vl' model, not 'internvl_chat'",
    ),
    "another language model": (
        section(BASE, "llm_config", model_type="qwen2"),
        r"config\.json does not fit .*the language model is 'qwen2' and must be 'qwen3'",
    ),
    "an unknown language model": (
        section(BASE, "llm_config", model_type="internlm2"),
        r"config\.json: .*internlm2",
    ),
    "larger pictures": (
        lambda d: (
            settings(BASE, force_image_size=896)(d),
            section(BASE, "vision_config", image_size=896)(d),
        ),
        r"the size of pictures is \(896, 896\) and must be \(448, 448\)",
    ),
    "two sizes": (settings(BASE, force_image_size=224), r"force_image_size is 224 and image_size 448"),
    "other patches": (
        section(BASE, "vision_config", patch_size=28),
        r"the patch size is \(28, 28\) and must be \(14, 14\)",
    ),
    "another shrinking": (settings(BASE, downsample_ratio=0.25), r"the downsample ratio is 0\.25"),
    "no shrinking": (settings(BASE, downsample_ratio=None), r"downsample_ratio is None; it must be 0\.5"),
    "another shuffle": (settings(BASE, ps_version="v1"), r"ps_version is 'v1'; this loader knows 'v2'"),
    "another vision layer": (settings(BASE, select_layer=-4), r"select_layer is -4; this loader knows -1"),
    "normed queries": (
        section(BASE, "vision_config", qk_normalization=True),
        r"the norm of queries and keys is True and must be False",
    ),
    "no vision settings": (settings(BASE, vision_config=None), r"holds no vision_config and llm_config"),
    "nonsense": (section(BASE, "vision_config", hidden_size="wide"), r"base/config\.json: "),
    "a smaller vocabulary": (
        section(BASE, "llm_config", vocab_size=64),
        r"base does not fit: .*embed_tokens\.weight is \d+x32 and should be 64x32",
    ),
    "no index": (removed(INDEX), r"base holds no model: neither model\.safetensors nor"),
    "an empty index": (settings(INDEX, weight_map={}), r"index\.json names no files"),
    "an index of elsewhere": (
        settings(INDEX, weight_map={"x": "../base/model-00001-of-00002.safetensors"}),
        r"index\.json names '\.\./base",
    ),
    "a lost shard": (removed(VISION_SHARD), r"index\.json names 'model-00001-of-00002\.safetensors', and"),
    "most of a shard": (cut(VISION_SHARD, 0.9), r"model-00001-of-00002\.safetensors is damaged"),
    "a base with a gap": (
        tensors(VISION_SHARD, lambda state: state.pop("vision_model.encoder.layers.1.attn.qkv.bias")),
        r"base does not fit: 3 tensors are missing \(vision_tower\..*layer\.1\.attention\.k_proj\.bias",
    ),
    "a base with more": (
        tensors(LANGUAGE_SHARD, lambda state: state.update(stray=torch.zeros(1))),
        r"base does not fit: 1 tensor is not known \(stray\)",
    ),
    "a fused layer of a wrong shape": (
        tensors(
            VISION_SHARD,
            lambda state: state.update(
                {"vision_model.encoder.layers.0.attn.qkv.weight": torch.zeros(64, 32)}
            ),
        ),
        r"3 tensors are of the wrong shape",
    ),
    # an aspect
    "no aspect": (
        lambda d: shutil.rmtree(d / VISUAL),
        r"There is no directory .*visual for the aspect 'visual'",
    ),
    "no adapter directory": (
        lambda d: shutil.rmtree(d / VISUAL / "llm_lora"),
        r"There is no directory .*lora_checkpoints_visual/llm_lora with an adapter",
    ),
    "no adapter": (removed(ADAPTER), r"There is no file .*vision_lora/adapter_model\.safetensors"),
    "no adapter settings": (removed(CONFIG), r"There is no file .*vision_lora/adapter_config\.json"),
    "most of an adapter": (cut(ADAPTER, 0.9), r"adapter_model\.safetensors is damaged"),
    "a page": (written(ADAPTER, b"<!DOCTYPE html>"), r"adapter_model\.safetensors is damaged"),
    "settings in a list": (written(CONFIG, b"[]"), r"adapter_config\.json is not a JSON object"),
    "another adapter": (settings(CONFIG, peft_type="IA3"), r"describes a 'IA3' adapter, not 'LORA'"),
    "rank 0": (settings(CONFIG, r=0), r"adapter_config\.json: r is 0; it must be a number above 0"),
    "another rank": (settings(CONFIG, r=5), r"lora_A\.weight is 4x32 and should be 5x32"),
    "no targets": (settings(CONFIG, target_modules=None), r"names no target_modules"),
    "targets elsewhere": (
        settings(CONFIG, target_modules=["query"]),
        r"\('query',\) names no layer of the base",
    ),
    "no pattern": (settings(CONFIG, target_modules="("), r"target_modules is no pattern"),
    "fewer targets": (settings(CONFIG, target_modules=["attn.qkv"]), r"12 tensors are not known"),
    "dora": (settings(CONFIG, use_dora=True), r"does not support: use_dora"),
    "ranks by pattern": (settings(CONFIG, rank_pattern={"qkv": 2}), r"does not support: rank_pattern"),
    "bias": (settings(CONFIG, bias="all"), r"does not support: bias"),
    "a moved base": (settings(CONFIG, init_lora_weights="pissa"), r"does not support: init_lora_weights"),
    "an adapter with a gap": (
        tensors(ADAPTER, lambda state: state.pop(QKV)),
        rf"adapter_model\.safetensors does not fit: 1 tensor is missing \({QKV}\)",
    ),
    "an adapter with more": (
        tensors(ADAPTER, lambda state: state.update(stray=torch.zeros(1))),
        r"1 tensor is not known \(stray\)",
    ),
    "half a fused layer": (
        tensors(ADAPTER, lambda state: state.update({QKV: torch.ones(48, 4)})),
        r"attn\.qkv\.lora_B\.weight is 48x4 and should be 96x4",
    ),
    "no numbers": (
        tensors(ADAPTER, lambda state: state.update({QKV: torch.full((96, 4), float("nan"))})),
        r"adapter_model\.safetensors: .*qkv\.lora_B\.weight holds values that are no finite numbers",
    ),
    "an inert vision adapter": (
        tensors(ADAPTER, zeroed("lora_B.weight")),
        r"visual/vision_lora/adapter_model\.safetensors changes nothing: in every pair",
    ),
    "an inert language adapter": (
        tensors(LANGUAGE, zeroed("lora_B.weight")),
        r"visual/llm_lora/adapter_model\.safetensors changes nothing: in every pair",
    ),
    "swapped adapters": (
        lambda d: (
            (d / VISUAL / "llm_lora").rename(d / "kept"),
            (d / VISUAL / "vision_lora").rename(d / VISUAL / "llm_lora"),
            (d / "kept").rename(d / VISUAL / "vision_lora"),
        ),
        r"vision_lora/adapter_config\.json: target_modules .* names no layer of the base",
    ),
    # a head
    "no head": (removed(HEAD), r"visual must hold one regression head; it has none of .*mlp_head\.pth"),
    "half a head": (cut(HEAD, 0.5), r"mlp_head\.pth is damaged or no file of tensors"),
    "an empty head": (written(HEAD, b""), r"mlp_head\.pth is damaged or no file of tensors"),
    "an object": (
        lambda d: torch.save(Path("x"), d / HEAD),
        r"mlp_head\.pth is damaged or no file of tensors",
    ),
    "a list": (
        lambda d: torch.save(["x"], d / HEAD),
        r"mlp_head\.pth holds something else than named tensors",
    ),
    "no head's tensors": (
        tensors(HEAD, lambda state: state.pop("mlp.2.weight")),
        r"mlp_head\.pth is not a regression head: mlp\.2\.weight is no matrix",
    ),
    "a head with more": (
        tensors(HEAD, lambda state: state.update({"mlp.6.bias": torch.zeros(1)})),
        r"1 tensor is not known \(mlp\.6\.bias\)",
    ),
    "a head of another model": (
        tensors(HEAD, lambda state: state.update({"mlp.0.weight": torch.ones(16, 48)})),
        r"mlp_head\.pth does not fit: .*mlp\.0\.weight is 16x48 and should be 16x32",
    ),
    "a head of two scores": (
        tensors(HEAD, lambda state: state.update({"mlp.4.bias": torch.ones(2)})),
        r"mlp\.4\.bias is 2 and should be 1",
    ),
    "an inert head": (
        tensors(HEAD, zeroed("mlp.4.weight")),
        r"mlp_head\.pth: the last layer is zero, so every edit would get the same score",
    ),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_spoiled_checkpoint_is_refused_by_name(copy: Path, spoiled: str) -> None:
    spoil, message = SPOILED[spoiled]
    spoil(copy)

    with pytest.raises(CheckpointError, match=message):
        InternVLScorer(options_of(copy))


def test_an_adapter_with_some_zero_layers_still_changes_something(copy: Path) -> None:
    tensors(ADAPTER, zeroed("mlp.fc1.lora_B.weight"))(copy)

    InternVLScorer(options_of(copy))
