"""What does the published InternVL compute, under its authors' names? A model to compare with.

The EditHF scorer was trained on the authors' own code, in which query, key and value are one layer. The
service runs the transformers library's classes instead; this model has the published names and shares no
code with the service, so that tests can hold one against the other.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import Qwen3Config, Qwen3ForCausalLM

SIDE, PATCH = 448, 14
GRID = SIDE // PATCH  # patches along a side; two by two of them become one token


class Embeddings(nn.Module):
    """Patches, a class token before them and learned positions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.randn(1, 1, width))
        self.patch_embedding = nn.Conv2d(3, width, kernel_size=PATCH, stride=PATCH)
        self.position_embedding = nn.Parameter(torch.randn(1, GRID**2 + 1, width))

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 3, 448, 448) to (N, 1025, width)."""
        patches = self.patch_embedding(pictures).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(pictures), -1, -1)
        return torch.cat([first, patches], dim=1) + self.position_embedding


class Attention(nn.Module):
    """Query, key and value out of one matrix."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, S, width) to the same."""
        count, length, width = x.shape
        fused = self.qkv(x).view(count, length, 3, self.heads, width // self.heads)
        query, key, value = (fused[:, :, part].transpose(1, 2) for part in range(3))
        weights = (query @ key.transpose(-1, -2) / (width // self.heads) ** 0.5).softmax(dim=-1)
        return self.proj((weights @ value).transpose(1, 2).reshape(count, length, width))


class FeedForward(nn.Module):
    """Two layers and a GELU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) to the same."""
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class Block(nn.Module):
    """Attention and feed-forward, each with its norm before and its scale behind."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.attn = Attention(width, heads)
        self.mlp = FeedForward(width, hidden)
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.ls1 = nn.Parameter(torch.ones(width))
        self.ls2 = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(N, S, width) to the same."""
        x = x + self.ls1 * self.attn(self.norm1(x))
        return x + self.ls2 * self.mlp(self.norm2(x))


class Vision(nn.Module):
    """The vision tower; nothing comes after its last block."""

    def __init__(self, *, width: int, heads: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.embeddings = Embeddings(width)
        self.encoder = nn.ModuleDict(
            {"layers": nn.ModuleList(Block(width, heads, hidden) for _ in range(depth))}
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 3, 448, 448) to (N, 1025, width)."""
        x = self.embeddings(pictures)
        for block in self.encoder["layers"].children():
            x = block(x)
        return x


class PublishedInternVL(nn.Module):
    """Vision tower, projector and language model; both ends can be wrapped with adapters."""

    def __init__(self, vision: Vision, language: Qwen3ForCausalLM) -> None:
        super().__init__()
        settings: Qwen3Config = language.config
        width = 4 * vision.embeddings.class_embedding.shape[-1]
        self.vision_model: nn.Module = vision
        self.mlp1 = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, settings.hidden_size),
            nn.GELU(),
            nn.Linear(settings.hidden_size, settings.hidden_size),
        )
        self.language_model: nn.Module = language

    def features(self, pictures: Tensor) -> Tensor:
        """(N, 256, W): what the language model gets to see of (N, 3, 448, 448)."""
        seen = self.vision_model(pictures)[:, 1:]
        half = GRID // 2
        squares = seen.reshape(len(pictures), half, 2, half, 2, -1).transpose(2, 3)
        return self.mlp1(squares.reshape(len(pictures), half * half, -1))

    def forward(self, pictures: Tensor, ids: Tensor, picture_token: int) -> Tensor:
        """(S, W): the last hidden states of a question about pictures, (S,) int64 with their places in it."""
        language: Any = self.language_model  # or what PEFT makes of it
        embedded = language.get_input_embeddings()(ids)
        embedded[ids == picture_token] = self.features(pictures).flatten(0, 1)
        answered = language(inputs_embeds=embedded[None], output_hidden_states=True)
        return answered.hidden_states[-1][0]
