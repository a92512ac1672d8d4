"""Both layouts of the base are one model, and a change of the fused layer is the same change of three."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import InternVLConfig, InternVLForConditionalGeneration, InternVLModel

from services.checkpoints import CheckpointError
from services.evaluation.backends.internvl import InternVLScorer
from services.evaluation.backends.internvl.adapters import LoraSettings, LowRank
from services.evaluation.backends.internvl.base import load_base
from services.evaluation.backends.internvl.names import library, parted, published
from tests.checkpoints.spoiling import settings, tensors
from tests.evaluation.internvl.published import options_of, picture

TOKENIZER = ("tokenizer.json", "tokenizer_config.json")


def image_token(base: Path) -> int:
    added = json.loads((base / "tokenizer.json").read_text())["added_tokens"]
    return next(token["id"] for token in added if token["content"] == "<IMG_CONTEXT>")


def loaded(base: Path, token: int | None = None) -> InternVLModel:
    return load_base(base, image_token_id=token or image_token(base), dtype=torch.float32, device="cpu")


@pytest.fixture(scope="module")
def converted(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny base as the transformers library writes it."""
    directory = tmp_path_factory.mktemp("library")
    model = loaded(tiny / "base")
    config: InternVLConfig = model.config
    whole: Any = InternVLForConditionalGeneration(config)
    whole.model.load_state_dict(model.state_dict())
    whole.save_pretrained(directory)
    for name in TOKENIZER:
        shutil.copyfile(tiny / "base" / name, directory / name)
    return directory


def test_the_layout_of_the_library_scores_the_same(
    tiny: Path, converted: Path, scorer: InternVLScorer
) -> None:
    shown = picture(96, 128, 1), [picture(60, 80, 2)], "Make the cup blue", lambda: None

    other = InternVLScorer(options_of(tiny, base=converted))

    assert json.loads((converted / "config.json").read_text())["model_type"] == "internvl"
    assert other.raw_scores(*shown) == scorer.raw_scores(*shown)


def test_names_of_every_release_of_the_library_are_known(converted: Path, tmp_path: Path) -> None:
    state = load_file(converted / "model.safetensors")
    names = {library(name): name for name in state}
    newer = {
        places: f"model.{places[0]}" if places else "lm_head.weight" for places in names if places is not None
    }
    older = {
        places: places[0].replace("language_model.", "language_model.model.")
        if places
        else "language_model.lm_head.weight"
        for places in names
        if places is not None
    }
    expected = loaded(converted).state_dict()

    for release, written in {"newer": newer, "older": older}.items():
        directory = tmp_path / release
        shutil.copytree(converted, directory)
        renamed = {written[places]: state[name] for places, name in names.items() if places is not None}
        save_file(renamed, directory / "model.safetensors", metadata={"format": "pt"})

        found = loaded(directory).state_dict()

        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_library_itself_computes_the_same_of_its_layout(converted: Path) -> None:
    ours = loaded(converted)
    theirs: Any = InternVLModel.from_pretrained(converted, dtype=torch.float32).eval()
    pixels = torch.randn(1, 3, 448, 448, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[5, *[ours.config.image_token_id] * 256, 7, 8]])

    with torch.no_grad():
        states = [model(input_ids=ids, pixel_values=pixels).last_hidden_state for model in (ours, theirs)]

    torch.testing.assert_close(states[0], states[1])


def test_the_fused_layer_comes_apart_into_query_key_and_value() -> None:
    places = published("vision_model.encoder.layers.7.attn.qkv.weight")

    assert places == tuple(
        f"vision_tower.encoder.layer.7.attention.{part}_proj.weight" for part in ("q", "k", "v")
    )
    assert places is not None
    parts = parted(torch.arange(12.0).reshape(6, 2), places)
    assert [part.tolist() for part in parts] == [
        [[0.0, 1.0], [2.0, 3.0]],
        [[4.0, 5.0], [6.0, 7.0]],
        [[8.0, 9.0], [10.0, 11.0]],
    ]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("vision_model.embeddings.class_embedding", "vision_tower.embeddings.cls_token"),
        ("vision_model.encoder.layers.0.ls2", "vision_tower.encoder.layer.0.lambda_2"),
        ("vision_model.encoder.layers.0.norm1.bias", "vision_tower.encoder.layer.0.layernorm_before.bias"),
        (
            "vision_model.encoder.layers.3.attn.proj.weight",
            "vision_tower.encoder.layer.3.attention.projection_layer.weight",
        ),
        ("mlp1.3.bias", "multi_modal_projector.linear_2.bias"),
        ("language_model.model.norm.weight", "language_model.norm.weight"),
    ],
)
def test_a_published_name_has_one_place(name: str, place: str) -> None:
    assert published(name) == (place,)


def test_the_language_head_has_no_place_and_a_stranger_none_known() -> None:
    assert published("language_model.lm_head.weight") == library("lm_head.weight") == ()
    assert published("vision_model.encoder.layers.0.attn.q_norm.weight") is None
    assert library("vision_model.embeddings.class_embedding") is None


def test_a_change_of_the_fused_layer_is_the_same_change_of_three() -> None:
    generator = torch.Generator().manual_seed(0)
    fused, down, up = (torch.randn(size, generator=generator) for size in ((24, 8), (3, 8), (24, 3)))
    bias, seen = torch.randn(24, generator=generator), torch.randn(5, 8, generator=generator)
    places = published("vision_model.encoder.layers.0.attn.qkv.weight") or ()

    apart = [
        LowRank(down, part_of_up, 1.5).added(seen, seen @ weight.T + part_of_bias)
        for weight, part_of_bias, part_of_up in zip(
            parted(fused, places), parted(bias, places), parted(up, places), strict=True
        )
    ]

    together = seen @ (fused + 1.5 * up @ down).T + bias
    torch.testing.assert_close(torch.cat(apart, dim=1), together)


@pytest.mark.parametrize(
    ("targets", "layer", "is_taken"),
    [
        (("attn.qkv",), "encoder.layers.0.attn.qkv", True),
        (("qkv",), "encoder.layers.0.attn.qkv", True),
        (("kv",), "encoder.layers.0.attn.qkv", False),
        ((r".*\.(qkv|fc1)",), "encoder.layers.0.attn.qkv", False),
        (r".*\.(qkv|fc1)", "encoder.layers.0.attn.qkv", True),
        (r"qkv", "encoder.layers.0.attn.qkv", False),
    ],
)
def test_targets_are_endings_or_one_pattern_of_the_whole_name(
    targets: str | tuple[str, ...], layer: str, is_taken: bool
) -> None:
    assert LoraSettings(4, 1.0, targets).takes(layer) is is_taken


def test_an_adapter_of_fewer_layers_by_a_pattern_is_taken(copy: Path) -> None:
    place = "lora_checkpoints_visual/vision_lora"
    settings(f"{place}/adapter_config.json", target_modules=r".*attn\.(qkv|proj)", use_rslora=True)(copy)
    tensors(
        f"{place}/adapter_model.safetensors",
        lambda state: [state.pop(name) for name in list(state) if ".mlp." in name],
    )(copy)

    InternVLScorer(options_of(copy))


def test_what_an_adapter_does_to_the_language_head_does_not_matter(
    copy: Path, scorer: InternVLScorer
) -> None:
    place = "lora_checkpoints_visual/llm_lora"
    path = copy / place / "adapter_config.json"
    targets = [*json.loads(path.read_text())["target_modules"], "lm_head"]
    settings(f"{place}/adapter_config.json", target_modules=targets)(copy)
    head = "base_model.model.lm_head.lora_"
    tensors(
        f"{place}/adapter_model.safetensors",
        lambda state: state.update(
            {f"{head}A.weight": torch.ones(4, 32), f"{head}B.weight": torch.ones(64, 4)}
        ),
    )(copy)
    shown = picture(60, 80, 1), [picture(60, 80, 2)], "Make the cup blue", lambda: None

    assert InternVLScorer(options_of(copy)).raw_scores(*shown) == scorer.raw_scores(*shown)


def test_a_base_of_the_library_with_another_token_is_refused(converted: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json .*the id of <IMG_CONTEXT> is \d+ and must be 3"):
        loaded(converted, token=3)


def test_a_tensor_that_is_given_twice_is_refused(converted: Path, tmp_path: Path) -> None:
    directory = tmp_path / "twice"
    shutil.copytree(converted, directory)
    state = load_file(directory / "model.safetensors")
    name = next(key for key in state if key.endswith("projector.linear_1.bias"))
    twin = name.removeprefix("model.") if name.startswith("model.") else f"model.{name}"
    save_file({**state, twin: state[name].clone()}, directory / "model.safetensors")

    with pytest.raises(CheckpointError, match=r"model\.safetensors holds .*linear_1\.bias, whose place"):
        loaded(directory)
