"""The decoder computes what the published one computes, from weights of the published names and shapes."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from services.perception.backends.qwen3vl import DecoderShape, SaliencyDecoder, in_frame, shape_of

SMALL = DecoderShape(features=24, width=16, hidden=32, stages=(12, 10, 6))


def stage_shapes(name: str, before: int, after: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for convolution, norm, channels in (("0", "1", before), ("4", "5", after)):
        shapes[f"{name}.net.{convolution}.weight"] = (after, channels, 3, 3)
        shapes[f"{name}.net.{convolution}.bias"] = (after,)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.net.{norm}.{part}"] = (after,)
        shapes[f"{name}.net.{norm}.num_batches_tracked"] = ()
    return shapes


PUBLISHED: dict[str, tuple[int, ...]] = {
    "img_proj.weight": (1024, 4096, 1, 1),
    "img_proj.bias": (1024,),
    "global_proj.weight": (1024, 4096),
    "global_proj.bias": (1024,),
    "attn.in_proj_weight": (3072, 1024),
    "attn.in_proj_bias": (3072,),
    "attn.out_proj.weight": (1024, 1024),
    "attn.out_proj.bias": (1024,),
    "attn_norm.weight": (1024,),
    "attn_norm.bias": (1024,),
    "ffn.0.weight": (4096, 1024),
    "ffn.0.bias": (4096,),
    "ffn.2.weight": (1024, 4096),
    "ffn.2.bias": (1024,),
    **stage_shapes("dec1", 1024, 256),
    **stage_shapes("dec2", 256, 128),
    **stage_shapes("dec3", 128, 64),
    **stage_shapes("refine", 64, 64),
    "saliency_head.weight": (1, 64, 1, 1),
    "saliency_head.bias": (1,),
}


def test_names_and_shapes_are_those_of_the_published_weights() -> None:
    with torch.device("meta"):
        decoder = SaliencyDecoder(DecoderShape())

    assert {name: tuple(tensor.shape) for name, tensor in decoder.state_dict().items()} == PUBLISHED
    assert sum(parameter.numel() for parameter in decoder.parameters()) == 24_563_777


def small_decoder() -> SaliencyDecoder:
    """Weights and statistics of every layer differ from what they start with."""
    torch.manual_seed(3)
    decoder = SaliencyDecoder(SMALL).eval()
    for name, tensor in decoder.state_dict().items():
        if tensor.is_floating_point():
            spread = (
                torch.rand_like(tensor) + 0.5 if name.endswith("running_var") else torch.randn_like(tensor)
            )
            tensor.copy_(spread if "net" in name else spread / 4)
    return decoder


def by_hand(state: Mapping[str, Tensor], tokens: Tensor, grid: tuple[int, int], context: Tensor) -> Tensor:
    """The same computation from the description alone: matrices, loops over heads, no module of torch."""
    width = state["attn_norm.weight"].shape[0]
    image = tokens @ state["img_proj.weight"][:, :, 0, 0].T + state["img_proj.bias"]
    everything = torch.cat([image, context @ state["global_proj.weight"].T + state["global_proj.bias"]])
    projected = everything @ state["attn.in_proj_weight"].T + state["attn.in_proj_bias"]
    query, key, value = (projected[:, i * width : (i + 1) * width] for i in range(3))
    size = width // 8
    heads = []
    for head in range(8):
        part = slice(head * size, (head + 1) * size)
        scores = (query[:, part] @ key[:, part].T) / size**0.5
        heads.append(torch.softmax(scores, dim=1) @ value[:, part])
    attended = torch.cat(heads, dim=1) @ state["attn.out_proj.weight"].T + state["attn.out_proj.bias"]
    maps = attended[: len(tokens)].reshape(*grid, width).permute(2, 0, 1)[None]
    maps = stage(state, "dec1", maps)
    maps = stage(state, "dec2", enlarged(maps, 2))
    maps = stage(state, "dec3", enlarged(maps, 4))
    maps = stage(state, "refine", enlarged(maps, 4))
    return (maps * state["saliency_head.weight"][0][None]).sum(dim=1)[0] + state["saliency_head.bias"]


def stage(state: Mapping[str, Tensor], name: str, maps: Tensor) -> Tensor:
    for convolution, norm in (("0", "1"), ("4", "5")):
        weight, bias = (state[f"{name}.net.{convolution}.{part}"] for part in ("weight", "bias"))
        maps = functional.conv2d(maps, weight, bias, padding=1)
        scale, shift, mean, variance = (
            state[f"{name}.net.{norm}.{part}"][None, :, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        maps = (maps - mean) / torch.sqrt(variance + 1e-5) * scale + shift
        if convolution == "0":
            maps = 0.5 * maps * (1 + torch.erf(maps / 2**0.5))
    return maps


def enlarged(maps: Tensor, factor: int) -> Tensor:
    size = (maps.shape[2] * factor, maps.shape[3] * factor)
    return functional.interpolate(maps, size, mode="bilinear", align_corners=False)


@pytest.mark.parametrize("grid", [(2, 3), (3, 2), (1, 4)])
def test_it_agrees_with_a_computation_by_hand(grid: tuple[int, int]) -> None:
    decoder = small_decoder()
    torch.manual_seed(4)
    tokens, context = torch.randn(grid[0] * grid[1], 24), torch.randn(9, 24)

    with torch.no_grad():
        logits = decoder(tokens, grid, context)
        expected = by_hand(decoder.state_dict(), tokens, grid, context)

    assert logits.shape == (32 * grid[0], 32 * grid[1])
    assert expected.std() > 0.1
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_the_parts_that_the_published_code_never_runs_do_not_matter() -> None:
    decoder = small_decoder()
    tokens, context = torch.randn(6, 24), torch.randn(5, 24)
    with torch.no_grad():
        before = decoder(tokens, (2, 3), context)
        for parameter in (*decoder.attn_norm.parameters(), *decoder.ffn.parameters()):
            parameter.zero_()
        after = decoder(tokens, (2, 3), context)

    assert torch.equal(before, after)


def test_its_widths_are_read_off_the_weights() -> None:
    assert shape_of(SaliencyDecoder(SMALL).state_dict()) == SMALL


def test_a_map_is_brought_to_the_frame_that_was_shown() -> None:
    saliency = torch.arange(12.0).reshape(3, 4)

    assert in_frame(saliency, (3, 4)) is saliency
    assert in_frame(saliency, (6, 8)).shape == (6, 8)
    assert in_frame(saliency, (6, 8))[0, 0] == 0.0
