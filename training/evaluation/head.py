"""How does a hidden state become three scores? The published regressor, learning and on disk."""

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from services.qwen3vl import CheckpointError, HeadFile, read_json

__all__ = ["HEAD", "ScoreHead", "load_head", "save_head"]

HEAD = HeadFile("score_head", "score head")
SETTINGS = "regression_config.json"
SCALE = 100.0
DIMENSIONS = 3
LAST_DEVIATION = 0.001  # of the last layer's first weights: every score begins at 50


class ScoreHead(nn.Module):
    """(N, C) states to (N, 3) scores 0..1: perceptual quality, instruction following, visual consistency."""

    def __init__(self, features: int, widths: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.features, self.widths, self.dropout = features, widths, dropout
        self.mlp = nn.Sequential(  # the numbers of the linear layers, 0, 3 and 6, are names in the file
            nn.Linear(features, widths[0]),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(widths[0], widths[1]),
            nn.SiLU(),
            nn.Dropout(dropout / 2),
            last := nn.Linear(widths[1], DIMENSIONS),
        )
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
        nn.init.normal_(last.weight, std=LAST_DEVIATION)

    def forward(self, states: Tensor) -> Tensor:
        """Always in float32: the published head is."""
        with torch.autocast(states.device.type, enabled=False):
            return self.mlp(states.float()).sigmoid()


def save_head(directory: Path, head: ScoreHead, base: Path) -> None:
    """Write head and settings as the release does: `score_head.pth` and `regression_config.json`."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in head.state_dict().items()}
    torch.save(state, directory / f"{HEAD.stem}.pth")
    settings = {
        "hidden_size": head.features,
        "head_hidden_size": head.widths[0],
        "head_hidden_size2": head.widths[1],
        "dropout": head.dropout,
        "score_output_scale": SCALE,
        "base_model_path": base.name,  # the published one is a path of its author's machine
    }
    (directory / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def load_head(directory: Path) -> ScoreHead:
    """The head of a directory in the published layout, in eval mode and without gradients."""
    path = HEAD.find(directory)
    settings = read_json(directory / SETTINGS)
    if settings.get("score_output_scale", SCALE) != SCALE:
        raise CheckpointError(f"{directory / SETTINGS}: score_output_scale must be {SCALE:.0f}.")
    dropout = settings.get("dropout", 0.0)
    if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        raise CheckpointError(f"{directory / SETTINGS}: dropout is {dropout!r}, not a share below 1.")
    return HEAD.load(
        path,
        lambda state: ScoreHead(
            state["mlp.0.weight"].shape[1],
            (state["mlp.0.weight"].shape[0], state["mlp.3.weight"].shape[0]),
            float(dropout),
        ),
    )
