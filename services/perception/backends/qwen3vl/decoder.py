"""How do language-model features become a saliency map? The published decoder, weight for weight."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

HEADS = 8  # not to be read off the weights: every published decoder has eight
DROPOUT = 0.1


@dataclass(frozen=True)
class DecoderShape:
    """The widths of a decoder; the defaults are those of the published one."""

    features: int = 4096
    """Width of the language model."""
    width: int = 1024
    """Width of the attention."""
    hidden: int = 4096
    """Width of the feed-forward block, which no computation uses."""
    stages: tuple[int, int, int] = (256, 128, 64)
    """Channels after dec1, dec2, and dec3 with refine."""


class SaliencyDecoder(nn.Module):
    """Image tokens look at the whole context once, then convolutions grow them 32-fold.

    `attn_norm` and `ffn` take no part: the published checkpoints hold them, and strict loading asks for them.
    """

    def __init__(self, shape: DecoderShape) -> None:
        super().__init__()
        width, (first, second, third) = shape.width, shape.stages
        self.shape = shape
        self.img_proj = nn.Conv2d(shape.features, width, 1)
        self.global_proj = nn.Linear(shape.features, width)
        self.attn = nn.MultiheadAttention(width, HEADS, batch_first=True)
        self.attn_norm = nn.LayerNorm(width)
        self.ffn = nn.Sequential(nn.Linear(width, shape.hidden), nn.GELU(), nn.Linear(shape.hidden, width))
        self.dec1 = _Stage(width, first)
        self.dec2 = _Stage(first, second)
        self.dec3 = _Stage(second, third)
        self.refine = _Stage(third, third)
        self.saliency_head = nn.Conv2d(third, 1, 1)

    def forward(self, tokens: Tensor, grid: tuple[int, int], context: Tensor) -> Tensor:
        """Logits (32h, 32w) of one edited picture.

        `tokens` (h*w, C) are its features, row by row over the `grid` (h, w); `context` (S, C) is the last
        hidden state of the whole sequence. The sigmoid of the logits is the saliency in [0, 1].
        """
        height, width = grid
        image = tokens.T.reshape(1, -1, height, width)
        image = self.img_proj(image).flatten(2).transpose(1, 2)  # (1, N, width)
        everything = torch.cat([image, self.global_proj(context).unsqueeze(0)], dim=1)
        # Only the image tokens ask: what the others would see is thrown away by the published code.
        seen, _ = self.attn(image, everything, everything, need_weights=False)
        maps = seen.transpose(1, 2).reshape(1, -1, height, width)
        maps = self.dec1(maps)
        maps = self.dec2(_enlarged(maps, 2))
        maps = self.dec3(_enlarged(maps, 4))
        maps = self.refine(_enlarged(maps, 4))
        return self.saliency_head(maps)[0, 0]


def shape_of(state: Mapping[str, Tensor]) -> DecoderShape:
    """The widths behind a state dict; KeyError or ValueError where it is of no such decoder."""
    width, features = state["img_proj.weight"].shape[:2]
    hidden = state["ffn.0.weight"].shape[0]
    if width % HEADS:
        raise ValueError(f"the width of img_proj.weight is {width}, no multiple of {HEADS} heads")
    stages = (
        state["dec1.net.0.weight"].shape[0],
        state["dec2.net.0.weight"].shape[0],
        state["dec3.net.0.weight"].shape[0],
    )
    return DecoderShape(features, width, hidden, stages)


def in_frame(saliency: Tensor, size: tuple[int, int]) -> Tensor:
    """A map (h, w) brought to the `size` (height, width) of the picture that was shown."""
    if tuple(saliency.shape) == size:
        return saliency
    return functional.interpolate(saliency[None, None], size, mode="bilinear", align_corners=False)[0, 0]


class _Stage(nn.Module):
    """Two convolutions; `net` is a name of the published checkpoints."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1),
            nn.BatchNorm2d(after),
            nn.GELU(),
            nn.Dropout2d(DROPOUT),
            nn.Conv2d(after, after, 3, padding=1),
            nn.BatchNorm2d(after),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.net(maps)


def _enlarged(maps: Tensor, factor: int) -> Tensor:
    return functional.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)
