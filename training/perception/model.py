"""What is trained? A fresh adapter and decoder on the frozen base, through the very code that serves them."""

import shutil
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn

from services.perception.backends.qwen3vl import (
    DecoderShape,
    FeatureReader,
    Kind,
    SaliencyDecoder,
    in_frame,
    layout,
    load_decoder,
    save_decoder,
)
from services.qwen3vl import (
    Batch,
    Preprocessor,
    attach,
    attach_new,
    copy_processor,
    load_model,
    lora,
    save_adapter,
)
from training.perception.config import Model

__all__ = ["SaliencyModel", "build", "load", "write"]

# Part of every published decoder and used by none: they are written as they were drawn, and never trained.
UNUSED = ("attn_norm", "ffn")


class SaliencyModel(nn.Module):
    """Edits in, one map of logits for each, in the frame of the picture that was shown."""

    def __init__(self, adapted: PeftModel, reader: FeatureReader, decoder: SaliencyDecoder) -> None:
        super().__init__()
        self.adapted = adapted
        self.decoder = decoder
        self._reader = reader

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """Logits (h, w) of each edit; the service takes the sigmoid before it resizes by a few pixels."""
        return tuple(
            in_frame(self.decoder(each.tokens, each.grid, each.context), size)
            for each, size in zip(self._reader.read(batch), batch.sizes, strict=True)
        )

    def trained(self) -> dict[str, nn.Parameter]:
        """Name -> parameter of everything that learns, in a fixed order."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def changing(self) -> dict[str, Tensor]:
        """Everything that differs between two moments of a training: what learns, and running statistics."""
        buffers = {f"decoder.{name}": buffer for name, buffer in self.decoder.named_buffers()}
        unused = {f"decoder.{n}": p for n, p in self.decoder.named_parameters() if n.startswith(UNUSED)}
        return {**self.trained(), **buffers, **unused}


def build(settings: Model, device: str) -> tuple[SaliencyModel, Preprocessor]:
    """A model to train; what is drawn at random comes from torch's global generator."""
    base = load_model(settings.base, dtype=_dtype(settings), device=device)
    preprocessor = Preprocessor(settings.base)
    adapted = attach_new(base, settings.kind, lora(settings.lora_rank, settings.lora_alpha), float32=True)
    if settings.gradient_checkpointing:
        # The other form of checkpointing cuts the features of the middle layer out of the graph.
        base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    text: Any = base.config.text_config
    decoder = SaliencyDecoder(
        DecoderShape(
            features=text.hidden_size,
            width=settings.decoder_width,
            hidden=settings.decoder_hidden,
            stages=settings.decoder_stages,
        )
    ).to(device)
    for name, parameter in decoder.named_parameters():
        parameter.requires_grad_(not name.startswith(UNUSED))
    reader = FeatureReader(base, layer=settings.layer, positions=settings.positions)
    return SaliencyModel(adapted, reader, decoder), preprocessor


def load(settings: Model, directory: Path, device: str) -> tuple[SaliencyModel, Preprocessor]:
    """A trained or published checkpoint in the same form, to be judged."""
    place = layout(directory)
    base = load_model(settings.base, dtype=_dtype(settings), device=device)
    adapted = attach(base, settings.kind, directory)
    decoder = load_decoder(place.head, dtype=torch.float32, device=device)
    reader = FeatureReader(base, layer=settings.layer, positions=settings.positions)
    return SaliencyModel(adapted, reader, decoder).eval(), Preprocessor(place.processor(settings.base))


def write(directory: Path, model: SaliencyModel, kind: Kind, processor: Path) -> None:
    """Write adapter, decoder and processor files in the published layout; whole or not at all."""
    partial = directory.with_name(directory.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    save_adapter(partial, model.adapted, kind)
    save_decoder(partial, model.decoder)
    copy_processor(processor, partial)
    shutil.rmtree(directory, ignore_errors=True)
    partial.rename(directory)


def _dtype(settings: Model) -> torch.dtype:
    return torch.bfloat16 if settings.precision == "bf16" else torch.float32
