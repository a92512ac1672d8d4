"""A directory that is not exactly a scorer is refused: the message names the file and what is wrong."""

import shutil
from pathlib import Path

import pytest
import torch

from services.checkpoints import CheckpointError
from services.evaluation.backends.qwen3vl import Qwen3VLOptions, Qwen3VLScorer, load_head, save_head
from tests.checkpoints.spoiling import Spoil, State, cut, removed, settings, tensors, without, written, zeroed

HEAD = "evaluation/score_head.pth"
ADAPTER = "evaluation/adapter_model.safetensors"
SETTINGS = "evaluation/adapter_config.json"
REGRESSION = "evaluation/regression_config.json"
A_KEY = "base_model.model.language_model.layers.3.mlp.up_proj.lora_A.weight"


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A checkpoint to spoil."""
    directory = tmp_path / "weights"
    shutil.copytree(tiny, directory)
    return directory


def load(directory: Path) -> Qwen3VLScorer:
    return Qwen3VLScorer(Qwen3VLOptions(directory / "base", directory / "evaluation"))


SPOILED: dict[str, tuple[Spoil, str]] = {
    "nothing there": (lambda d: shutil.rmtree(d / "evaluation"), r"There is no directory .*evaluation"),
    "no base": (lambda d: shutil.rmtree(d / "base"), r"There is no directory .*base with the base model"),
    "no head": (removed(HEAD), r"must hold one score head; it has none of .*score_head\.pth"),
    "two heads": (
        written("evaluation/score_head.safetensors", b""),
        r"one score head; it has both of .*score_head\.pth",
    ),
    "half a head": (cut(HEAD, 0.5), r"score_head\.pth is damaged or no file of tensors"),
    "an object": (
        lambda d: torch.save(Path("x"), d / HEAD),
        r"score_head\.pth is damaged or no file of tensors",
    ),
    "another head": (
        tensors(HEAD, lambda state: state.pop("mlp.0.weight")),
        r"score_head\.pth is not a score head: it has no tensor 'mlp\.0\.weight'",
    ),
    "flat weights": (
        tensors(HEAD, lambda state: state.update({"mlp.0.weight": torch.zeros(3)})),
        r"score_head\.pth is not a score head: ",
    ),
    "a head with a gap": (
        tensors(HEAD, lambda state: state.pop("mlp.6.bias")),
        r"score_head\.pth does not fit: 1 tensor is missing \(mlp\.6\.bias\)",
    ),
    "a head with more": (
        tensors(HEAD, lambda state: state.update({"mlp.9.bias": torch.zeros(1)})),
        r"score_head\.pth does not fit: 1 tensor is not known \(mlp\.9\.bias\)",
    ),
    "a head of four scores": (
        tensors(HEAD, lambda state: state.update({"mlp.6.weight": torch.ones(4, 16)})),
        r"1 tensor is of the wrong shape \(mlp\.6\.weight is 4x16 and should be 3x16\)",
    ),
    "a head that is no number": (
        tensors(HEAD, lambda state: state.update({"mlp.3.bias": torch.full((16,), torch.nan)})),
        r"score_head\.pth: mlp\.3\.bias holds values that are no finite numbers",
    ),
    "a head that says always the same": (
        tensors(HEAD, zeroed("mlp.6.weight")),
        r"score_head\.pth changes nothing: mlp\.6\.weight is all zero",
    ),
    "no shape": (removed(REGRESSION), r"There is no file .*regression_config\.json"),
    "half a shape": (written(REGRESSION, b'{"hidden_size": '), r"regression_config\.json is not JSON"),
    "a shape with a gap": (
        without(REGRESSION, "score_output_scale"),
        r"regression_config\.json lacks score_output_scale",
    ),
    "a shape that is none": (
        settings(REGRESSION, hidden_size="32"),
        r"regression_config\.json: hidden_size is '32'",
    ),
    "a scale beyond the suite's": (
        settings(REGRESSION, score_output_scale=1000),
        r"regression_config\.json: score_output_scale is 1000",
    ),
    "a shape of another head": (
        settings(REGRESSION, head_hidden_size2=512),
        r"regression_config\.json disagrees with score_head\.pth: .*size2 is 512 and the head's is 16",
    ),
    "no adapter": (removed(ADAPTER), r"holds adapter_config\.json but not adapter_model\.safetensors"),
    "half an adapter": (cut(ADAPTER, 0.5), r"adapter_model\.safetensors is damaged or no file of tensors"),
    "an adapter with a gap": (
        tensors(ADAPTER, lambda state: state.pop(A_KEY)),
        rf"adapter_model\.safetensors does not fit: 1 tensor is missing \({A_KEY}\)",
    ),
    "another rank": (settings(SETTINGS, r=5), r"tensors are of the wrong shape \(.*lora_A.* is 4x32"),
    "an adapter that was never trained": (
        tensors(ADAPTER, zeroed("lora_B")),
        r"adapter_model\.safetensors changes nothing: .*never trained",
    ),
    "an adapter of zeros the other way": (
        tensors(ADAPTER, zeroed("lora_A")),
        r"adapter_model\.safetensors changes nothing",
    ),
    "another tokenizer": (
        settings("base/config.json", image_token_id=3),
        r"evaluation was made for another model: the id of the image token is \d+ and the model's is 3",
    ),
    "other patches": (
        settings("evaluation/preprocessor_config.json", patch_size=14),
        r"evaluation was made for another model: the patch size is 14 and the model's is 16",
    ),
    "no tokenizer": (removed("evaluation/tokenizer.json"), r"evaluation holds no tokenizer"),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_spoiled_checkpoint_is_refused_by_name(copy: Path, spoiled: str) -> None:
    spoil, message = SPOILED[spoiled]
    spoil(copy)

    with pytest.raises(CheckpointError, match=message):
        load(copy)


def test_a_head_for_another_width_is_refused(copy: Path) -> None:
    widen = tensors(HEAD, lambda state: state.update({"mlp.0.weight": torch.ones(24, 48)}))
    widen(copy)
    settings(REGRESSION, hidden_size=48)(copy)

    with pytest.raises(CheckpointError, match="the width of the head's input is 48 and the model's is 32"):
        load(copy)


def test_one_pair_that_learnt_something_is_enough(copy: Path) -> None:
    def all_but_one(state: State) -> None:
        kept = state["base_model.model.language_model.layers.3.mlp.up_proj.lora_B.weight"].clone()
        zeroed("lora_B")(state)
        state["base_model.model.language_model.layers.3.mlp.up_proj.lora_B.weight"] = kept

    tensors(ADAPTER, all_but_one)(copy)

    load(copy)


def test_a_head_may_lie_in_a_safetensors_file_as_it_is_written_here(copy: Path) -> None:
    digest = load(copy).backend.digest
    head = load_head(copy / HEAD)
    (copy / HEAD).unlink()
    save_head(copy / "evaluation", head)

    assert load(copy).backend.digest != digest
    found = load_head(copy / "evaluation" / "score_head.safetensors")
    assert found.shape == head.shape
    assert all(torch.equal(found.state_dict()[name], t) for name, t in head.state_dict().items())


def test_processor_files_may_lie_with_the_base_alone(copy: Path) -> None:
    for name in ("preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"):
        (copy / "evaluation" / name).unlink()

    load(copy)
