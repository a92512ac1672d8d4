"""How does the score head begin, and how is it written? As the release does both."""

import json
from pathlib import Path

import torch
from torch import nn

from services.evaluation.backends.qwen3vl import HeadShape, ScoreHead

__all__ = ["fresh_head", "save_head"]

FILE, SETTINGS = "score_head.pth", "regression_config.json"
LAST_DEVIATION = 0.001  # of the last layer's first weights: every score begins at 50


def fresh_head(shape: HeadShape) -> ScoreHead:
    """A head that is yet to learn; what is drawn comes from torch's global generator."""
    head = ScoreHead(shape)
    layers = [layer for layer in head.mlp if isinstance(layer, nn.Linear)]
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    nn.init.normal_(layers[-1].weight, std=LAST_DEVIATION)
    return head


def save_head(directory: Path, head: ScoreHead, base: Path) -> None:
    """Write head and settings in the form of the release, whose programs read no other."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in head.state_dict().items()}
    torch.save(state, directory / FILE)
    # The published settings hold a path of their author's machine here.
    settings = {**head.shape.model_dump(), "base_model_path": base.name}
    (directory / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
