"""A directory that is not exactly a checkpoint is refused: the message names the file and what is wrong."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from services.checkpoints import CheckpointError
from services.perception.backends.qwen3vl import Qwen3VLDetector, Qwen3VLOptions
from tests.checkpoints.spoiling import Spoil, State, cut, removed, settings, tensors, written, zeroed


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A checkpoint to spoil."""
    directory = tmp_path / "weights"
    shutil.copytree(tiny, directory)
    return directory


def load(directory: Path) -> Qwen3VLDetector:
    return Qwen3VLDetector(Qwen3VLOptions(directory / "base", directory / "artifact", directory / "failure"))


HEAD, ADAPTER, CONFIG = (
    "artifact/sal_head.pth",
    "artifact/adapter_model.safetensors",
    "artifact/adapter_config.json",
)
A_KEY = "base_model.model.language_model.layers.3.mlp.up_proj.lora_A.weight"
BASE = "base/model.safetensors"
BASE_KEY = "model.language_model.layers.7.mlp.up_proj.weight"


SPOILED: dict[str, tuple[Spoil, str]] = {
    "nothing there": (shutil.rmtree, r"There is no directory .*artifact"),
    "no kind": (lambda d: shutil.rmtree(d / "artifact"), r"There is no directory .*artifact"),
    "no base": (lambda d: shutil.rmtree(d / "base"), r"There is no directory .*base with the base model"),
    "no decoder": (removed(HEAD), r"artifact must hold one saliency decoder; it has none of .*sal_head\.pth"),
    "two decoders": (
        written("artifact/sal_head.safetensors", b""),
        r"one saliency decoder; it has both of .*sal_head\.pth",
    ),
    "no adapter": (removed(ADAPTER), r"holds adapter_config\.json but not adapter_model\.safetensors"),
    "no settings": (removed(CONFIG), r"holds adapter_model\.safetensors but not adapter_config\.json"),
    "a decoder alone": (
        lambda d: (removed(CONFIG)(d), removed(ADAPTER)(d)),
        r"is no checkpoint: it holds neither an adapter .* nor a merged model",
    ),
    "half a decoder": (cut(HEAD, 0.5), r"sal_head\.pth is damaged or no file of tensors"),
    "an empty decoder": (written(HEAD, b""), r"sal_head\.pth is damaged or no file of tensors"),
    "a page": (written(HEAD, b"<!DOCTYPE html>"), r"sal_head\.pth is damaged or no file of tensors"),
    "a list": (
        lambda d: torch.save(["x"], d / HEAD),
        r"sal_head\.pth holds something else than named tensors",
    ),
    "an object": (
        lambda d: torch.save(Path("x"), d / HEAD),
        r"sal_head\.pth is damaged or no file of tensors",
    ),
    "most of an adapter": (cut(ADAPTER, 0.9), r"adapter_model\.safetensors is damaged or no file of tensors"),
    "most of a base": (cut(BASE, 0.9), r"The model in .*base cannot be loaded"),
    "no shard": (removed(BASE), r"The model in .*base cannot be loaded"),
    "half a config": (written("base/config.json", b"{"), r"config\.json is not JSON"),
    "another model": (
        settings("base/config.json", model_type="llama"),
        r"describes a 'llama' model, not 'qwen3_vl'",
    ),
    "settings in a list": (written(CONFIG, b"[]"), r"adapter_config\.json is not a JSON object"),
    "another adapter": (settings(CONFIG, peft_type="IA3"), r"describes a 'IA3' adapter, not 'LORA'"),
    "rank 0": (settings(CONFIG, r=0), r"adapter_config\.json: r is 0; it must be a number above 0"),
    "no alpha": (settings(CONFIG, lora_alpha=None), r"lora_alpha is None; it must be a number above 0"),
    "no targets": (settings(CONFIG, target_modules=None), r"names no target_modules"),
    "unknown targets": (
        settings(CONFIG, target_modules=["query"]),
        r"artifact does not fit the model: .*query",
    ),
    "dora": (settings(CONFIG, use_dora=True), r"does not support: use_dora"),
    "bias": (settings(CONFIG, bias="all"), r"does not support: bias"),
    "another rank": (
        settings(CONFIG, r=5),
        r"392 tensors are of the wrong shape \(.*lora_A.* is 4x32 and should be 5x32",
    ),
    "an adapter with a gap": (
        tensors(ADAPTER, lambda state: state.pop(A_KEY)),
        rf"adapter_model\.safetensors does not fit: 1 tensor is missing \({A_KEY}\)",
    ),
    "an adapter with more": (
        tensors(ADAPTER, lambda state: state.update(stray=torch.zeros(1))),
        r"does not fit: 1 tensor is not known \(stray\)",
    ),
    "an adapter that was never trained": (
        tensors(ADAPTER, zeroed("lora_B")),
        r"artifact/adapter_model\.safetensors changes nothing: .*never trained",
    ),
    "an adapter of zeros the other way": (
        tensors(ADAPTER, zeroed("lora_A")),
        r"artifact/adapter_model\.safetensors changes nothing",
    ),
    "a second adapter that was never trained": (
        tensors("failure/adapter_model.safetensors", zeroed("lora_B")),
        r"failure/adapter_model\.safetensors changes nothing",
    ),
    "a decoder with a gap": (
        tensors(HEAD, lambda state: state.pop("attn_norm.weight")),
        r"sal_head\.pth does not fit: 1 tensor is missing \(attn_norm\.weight\)",
    ),
    "no decoder's tensors": (
        tensors(HEAD, lambda state: state.pop("img_proj.weight")),
        r"sal_head\.pth is not a saliency decoder: it has no tensor 'img_proj\.weight'",
    ),
    "flat weights": (
        tensors(HEAD, lambda state: state.update({"img_proj.weight": torch.zeros(3)})),
        r"sal_head\.pth is not a saliency decoder",
    ),
    "a decoder with more": (
        tensors(HEAD, lambda state: state.update({"extra.weight": torch.zeros(1)})),
        r"1 tensor is not known \(extra\.weight\)",
    ),
    "a decoder of a wrong shape": (
        tensors(HEAD, lambda state: state.update({"ffn.2.bias": torch.zeros(9)})),
        r"1 tensor is of the wrong shape \(ffn\.2\.bias is 9 and should be 32\)",
    ),
    "a base with a gap": (
        tensors(BASE, lambda state: state.pop(BASE_KEY)),
        r"base does not fit: 1 tensor is missing \(language_model\.layers\.7\.mlp\.up_proj\.weight\)",
    ),
    "a base with more": (
        tensors(BASE, lambda state: state.update({"model.stray": torch.zeros(1)})),
        r"base does not fit: 1 tensor is not known",
    ),
    "a base of a wrong shape": (
        tensors(BASE, lambda state: state.update({BASE_KEY: torch.zeros(2, 2)})),
        r"The model in .*base cannot be loaded",
    ),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_spoiled_checkpoint_is_refused_by_name(copy: Path, spoiled: str) -> None:
    spoil, message = SPOILED[spoiled]
    spoil(copy)

    with pytest.raises(CheckpointError, match=message):
        load(copy)


def test_a_decoder_of_another_model_is_refused(copy: Path) -> None:
    def widen(state: State) -> None:
        state["img_proj.weight"] = torch.zeros(32, 48, 1, 1)
        state["global_proj.weight"] = torch.zeros(32, 48)

    tensors(HEAD, widen)(copy)

    with pytest.raises(
        CheckpointError, match=r"the width of the decoder's input is 48 and the model's is 32"
    ):
        load(copy)


def test_a_tokenizer_of_another_model_is_refused(copy: Path) -> None:
    settings("base/config.json", image_token_id=3)(copy)

    with pytest.raises(CheckpointError, match=r"the id of the image token is \d+ and the model's is 3"):
        load(copy)


def test_a_decoder_may_lie_in_a_safetensors_file(copy: Path) -> None:
    state = torch.load(copy / HEAD, weights_only=True)
    save_file(state, copy / "artifact/sal_head.safetensors")
    (copy / HEAD).unlink()

    load(copy)


def test_processor_files_may_lie_with_the_base_alone(copy: Path) -> None:
    for kind in ("artifact", "failure"):
        for name in ("preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"):
            (copy / kind / name).unlink()

    load(copy)
