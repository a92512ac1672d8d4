"""What does the directory of a detector hold? An adapter or a merged model, and a saliency decoder."""

from pathlib import Path

import torch

from services.checkpoints import HeadFile
from services.perception.backends.qwen3vl.decoder import SaliencyDecoder, shape_of
from services.qwen3vl import Layout
from services.qwen3vl import layout as layout_with

HEAD = HeadFile(stem="sal_head", called="saliency decoder")


def layout(directory: Path) -> Layout:
    """Which of the two layouts a directory has."""
    return layout_with(directory, HEAD)


def load_decoder(path: Path, *, dtype: torch.dtype, device: str) -> SaliencyDecoder:
    """A decoder of any widths, with every tensor in its place; in eval mode."""
    decoder = HEAD.load(path, lambda state: SaliencyDecoder(shape_of(state)))
    return decoder.to(device=device, dtype=dtype)


def save_decoder(directory: Path, decoder: SaliencyDecoder) -> None:
    """Write a decoder beside its adapter or merged model."""
    HEAD.save(directory, decoder)
