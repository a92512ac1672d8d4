"""Features are those of the edited picture, at the published place, whatever the sizes and the company."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import Qwen3VLModel

from services.checkpoints import CheckpointError, read_tensors
from services.perception.backends.qwen3vl import FeatureReader, SaliencyDecoder, encode, shape_of
from services.qwen3vl import Batch, Preprocessor, attach_new, load_model, lora
from tests.perception.qwen3vl.pairs import pair

LARGER_SOURCE = pair((160, 192), (64, 96))  # 5x6 and 2x3 tokens


@pytest.fixture(scope="module")
def model(tiny: Path) -> Qwen3VLModel:
    return load_model(tiny / "base", dtype=torch.float32, device="cpu")


@pytest.fixture(scope="module")
def preprocessor(tiny: Path) -> Preprocessor:
    return Preprocessor(tiny / "artifact")


def all_states(model: Any, batch: Batch, **positions: Tensor) -> Any:
    """What the library itself answers."""
    is_image = (batch.input_ids == model.config.image_token_id).int()
    with torch.no_grad():
        return model(
            input_ids=batch.input_ids,
            attention_mask=torch.ones_like(batch.input_ids),
            mm_token_type_ids=is_image,
            pixel_values=batch.pixel_values,
            image_grid_thw=batch.grids,
            output_hidden_states=True,
            use_cache=False,
            **positions,
        )


def test_they_are_hidden_states_26_at_the_tokens_of_the_second_picture(
    model: Qwen3VLModel, preprocessor: Preprocessor
) -> None:
    batch = preprocessor.collate([encode(preprocessor, LARGER_SOURCE, "artifact")])
    expected = all_states(model, batch)
    image = (batch.input_ids[0] == preprocessor.image_token_id).nonzero()[:, 0]

    with torch.no_grad():
        (seen,) = FeatureReader(model).read(batch)

    assert seen.grid == (2, 3)
    assert len(image) == 5 * 6 + 2 * 3
    torch.testing.assert_close(seen.tokens, expected.hidden_states[26][0, image[-6:]])
    torch.testing.assert_close(seen.context, expected.last_hidden_state[0])
    assert len(image) // 2 != len(seen.tokens)  # half of the tokens would begin inside the source


def test_the_rows_of_the_grid_are_the_rows_of_the_picture(
    model: Qwen3VLModel, preprocessor: Preprocessor
) -> None:
    def tokens(edited_height: int, edited_width: int) -> tuple[int, int]:
        edit = encode(preprocessor, pair((96, 96), (edited_height, edited_width)), "artifact")
        with torch.no_grad():
            (seen,) = FeatureReader(model).read(preprocessor.collate([edit]))
        assert len(seen.tokens) == seen.grid[0] * seen.grid[1]
        return seen.grid

    assert tokens(64, 160) == (2, 5)
    assert tokens(160, 64) == (5, 2)
    assert tokens(97, 130) == (3, 4)


def test_positions_are_of_time_row_and_column_or_in_a_line(
    model: Qwen3VLModel, preprocessor: Preprocessor
) -> None:
    batch = preprocessor.collate([encode(preprocessor, LARGER_SOURCE, "failure")])
    line = torch.arange(batch.input_ids.shape[1]).expand(3, 1, -1)

    with torch.no_grad():
        (mrope,) = FeatureReader(model, positions="mrope").read(batch)
        (linear,) = FeatureReader(model, positions="linear").read(batch)

    torch.testing.assert_close(mrope.context, all_states(model, batch).last_hidden_state[0])
    torch.testing.assert_close(
        linear.context, all_states(model, batch, position_ids=line).last_hidden_state[0]
    )
    assert (mrope.tokens - linear.tokens).abs().max() > 0.1


@pytest.mark.parametrize("positions", ["mrope", "linear"])
def test_company_in_a_batch_changes_nothing(
    model: Qwen3VLModel, preprocessor: Preprocessor, positions: Any
) -> None:
    edits = [
        encode(preprocessor, sample, "artifact")
        for sample in (
            pair((64, 64), (96, 64)),
            LARGER_SOURCE,
            pair(instruction="Remove the dog at the left"),
        )
    ]
    reader = FeatureReader(model, positions=positions)

    with torch.no_grad():
        together = reader.read(preprocessor.collate(edits))
        alone = [reader.read(preprocessor.collate([edit]))[0] for edit in edits]

    for first, second in zip(together, alone, strict=True):
        assert first.grid == second.grid
        torch.testing.assert_close(first.tokens, second.tokens, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(first.context, second.context, rtol=1e-4, atol=1e-4)


def test_a_layer_that_is_not_there_is_refused(model: Qwen3VLModel) -> None:
    with pytest.raises(CheckpointError, match=r"after layer 28 .* has 28 layers"):
        FeatureReader(model, layer=28)


def test_gradients_reach_adapter_and_decoder_also_with_gradient_checkpointing(
    tiny: Path, preprocessor: Preprocessor
) -> None:
    def gradients(*, checkpointing: bool) -> dict[str, Tensor]:
        torch.manual_seed(5)
        model = load_model(tiny / "base", dtype=torch.float32, device="cpu")
        adapted = attach_new(model, "failure", lora(2, 4), float32=True)
        decoder = SaliencyDecoder(shape_of(read_tensors(tiny / "failure" / "sal_head.pth"))).train()
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
        if checkpointing:
            model.gradient_checkpointing_enable()
            model.enable_input_require_grads()
            model.train()
        batch = preprocessor.collate([encode(preprocessor, LARGER_SOURCE, "failure")])
        (seen,) = FeatureReader(model).read(batch)
        torch.manual_seed(6)
        decoder(seen.tokens, seen.grid, seen.context).square().mean().backward()
        named = [*adapted.named_parameters(), *decoder.named_parameters()]
        return {name: p.grad for name, p in named if p.grad is not None}

    plain, checkpointed = gradients(checkpointing=False), gradients(checkpointing=True)

    adapter = "base_model.model.language_model.layers.0.mlp.up_proj.lora_A.failure.weight"
    assert {adapter, "img_proj.weight", "global_proj.weight", "refine.net.0.weight"} <= plain.keys()
    assert plain[adapter].abs().max() > 0
    assert plain.keys() <= checkpointed.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(gradient, checkpointed[name], rtol=1e-3, atol=1e-5)
