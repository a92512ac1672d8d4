"""What is trained? An adapter and a score head on the frozen base, through the very code that serves them."""

import shutil
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch import Tensor, nn

from services.evaluation.backends.qwen3vl import HeadShape, ScoreHead, layout, load_head
from services.qwen3vl import (
    Backbone,
    Batch,
    Preprocessor,
    attach,
    attach_new,
    copy_processor,
    load_model,
    lora,
    save_adapter,
)
from training.evaluation.config import Model
from training.evaluation.head import fresh_head, save_head
from training.evaluation.levels import Answer, read_answer, read_rows

__all__ = ["ADAPTER", "ScoringModel", "Task", "build", "write"]

ADAPTER = "evaluation"
ADAPTER_WEIGHTS = "adapter_model.safetensors"

POINTS = 100.0

Task = Literal["levels", "scores"]


class ScoringModel(nn.Module):
    """Edits in; logits of levels or scores out, whichever the model was built for."""

    def __init__(
        self, adapted: PeftModel, backbone: Backbone, head: ScoreHead, rows: Tensor | None = None
    ) -> None:
        super().__init__()
        self.adapted = adapted
        self.head = head
        self._backbone = backbone
        self._rows = rows
        head.requires_grad_(rows is None)  # stage 1 does not look at it

    def forward(self, batch: Batch, places: Tensor) -> Tensor:
        """(B, 3) scores 0..1, or (B, 3, 5) logits; `places` (B, R) are the tokens whose states are read."""
        states = self._backbone.run(batch)  # (B, S, C)
        read = states[torch.arange(len(places), device=places.device)[:, None], places]  # (B, R, C)
        with torch.autocast(read.device.type, enabled=False):  # the published head is in float32
            if self._rows is None:
                return self.head(read[:, -1]) / POINTS
            return read.float() @ self._rows.T

    def trained(self) -> dict[str, nn.Parameter]:
        """Name -> parameter of everything that learns, in a fixed order."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def changing(self) -> dict[str, Tensor]:
        """Everything that a resumed training has to find as it was, a head at rest included."""
        return {**self.trained(), **{f"head.{name}": p for name, p in self.head.named_parameters()}}


def build(
    settings: Model, task: Task, start: Path | None, device: str
) -> tuple[ScoringModel, Preprocessor, Answer | None]:
    """A model to train; what is drawn at random comes from torch's global generator.

    `start` holds the adapter and head to go on from, in the published layout.
    """
    dtype = torch.bfloat16 if settings.precision == "bf16" else torch.float32
    base = load_model(settings.base, dtype=dtype, device=device)
    adapted, head = _fresh(base, settings) if start is None else _loaded(base, start)
    if settings.gradient_checkpointing:
        # The other form of checkpointing asks for inputs with gradients, which a frozen base has not.
        base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    answer = read_answer(settings.base) if task == "levels" else None
    rows = None if answer is None else read_rows(settings.base, answer.words).to(device)
    backbone = Backbone(base, positions=settings.positions)
    return ScoringModel(adapted, backbone, head.to(device), rows), Preprocessor(settings.base), answer


def write(directory: Path, model: ScoringModel, base: Path) -> None:
    """Write adapter, head and processor files in the published layout; whole or not at all."""
    partial = directory.with_name(directory.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    save_adapter(partial, model.adapted, ADAPTER)
    save_head(partial, model.head, base)
    copy_processor(base, partial)
    shutil.rmtree(directory, ignore_errors=True)
    partial.rename(directory)


def _fresh(base: Any, settings: Model) -> tuple[PeftModel, ScoreHead]:
    adapted = attach_new(base, ADAPTER, lora(settings.lora_rank, settings.lora_alpha), float32=True)
    first, second = settings.head_widths
    shape = HeadShape(
        hidden_size=base.config.text_config.hidden_size,
        head_hidden_size=first,
        head_hidden_size2=second,
        dropout=settings.dropout,
    )
    return adapted, fresh_head(shape)


def _loaded(base: Any, start: Path) -> tuple[PeftModel, ScoreHead]:
    adapted = attach(base, ADAPTER, start)
    written = load_file(start / ADAPTER_WEIGHTS)
    for name, parameter in adapted.named_parameters():
        if ".lora_" in name:
            # The service may halve the precision; what learns goes on from what was written.
            full = written.get(name.replace(f".{ADAPTER}.weight", ".weight"), parameter.data)
            parameter.data = full.to(parameter.device, torch.float32)
            parameter.requires_grad_(True)
    return adapted, load_head(layout(start).head)
