"""How does the last state of the model become three scores? The published head, weight for weight."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from services.checkpoints import CheckpointError, HeadFile, check_finite, read_json

HEAD = HeadFile(stem="score_head", called="score head")
CONFIG = "regression_config.json"
SCORES = 3  # perceptual quality, instruction following, visual consistency: the order of the release
_LINEAR = ("mlp.0", "mlp.3", "mlp.6")

Width = Annotated[int, Field(gt=0)]


class HeadShape(BaseModel):
    """What `regression_config.json` says of a head; the defaults are the published ones.

    The path of the author's base model stands beside these fields and is not used.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    hidden_size: Width = 4096
    head_hidden_size: Width = 2048
    head_hidden_size2: Width = 512
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    score_output_scale: Annotated[float, Field(gt=0, le=100)] = 100.0
    """Largest score; more than 100 would leave the scale of the suite."""


class ScoreHead(nn.Module):
    """Three scores from the state of the last token; in float32, whatever the model computes in."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = shape
        self.mlp = nn.Sequential(
            nn.Linear(shape.hidden_size, shape.head_hidden_size),
            nn.SiLU(),
            nn.Dropout(shape.dropout),
            nn.Linear(shape.head_hidden_size, shape.head_hidden_size2),
            nn.SiLU(),
            nn.Dropout(shape.dropout / 2),
            nn.Linear(shape.head_hidden_size2, SCORES),
        )

    def forward(self, states: Tensor) -> Tensor:
        """(B, 3) in 0..`score_output_scale`, from states (B, C)."""
        return self.shape.score_output_scale * self.mlp(states.float()).sigmoid()


def last_states(states: Tensor, lengths: Sequence[int]) -> Tensor:
    """(B, C): the state of the last token of each row that is no padding, from states (B, S, C)."""
    rows = torch.arange(len(lengths), device=states.device)
    return states[rows, torch.tensor(lengths, device=states.device) - 1]


@dataclass(frozen=True)
class _Widths:
    """What the tensors of a head say."""

    hidden_size: int
    head_hidden_size: int
    head_hidden_size2: int


def load_head(path: Path) -> ScoreHead:
    """The head of a file, with every tensor in its place and the shape that lies beside it."""
    described = path.parent / CONFIG
    shape = _read_shape(described)

    def build(state: Mapping[str, Tensor]) -> ScoreHead:
        _refuse_disagreement(described, shape, path, state)
        return ScoreHead(shape)

    head = HEAD.load(path, build)
    _refuse_dead(path, head.state_dict())
    return head


def save_head(directory: Path, head: ScoreHead) -> None:
    """Write a head and its shape beside its adapter."""
    HEAD.save(directory, head)
    text = json.dumps(head.shape.model_dump(), indent=2)
    (directory / CONFIG).write_text(text + "\n", encoding="utf-8")


def _read_shape(path: Path) -> HeadShape:
    content = read_json(path)
    missing = sorted(HeadShape.model_fields.keys() - content.keys())
    if missing:
        raise CheckpointError(f"{path} lacks {', '.join(missing)}.")
    try:
        return HeadShape.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise CheckpointError(f"{path}: {first['loc'][0]} is {first['input']!r}. {first['msg']}.") from error


def _refuse_disagreement(described: Path, shape: HeadShape, path: Path, state: Mapping[str, Tensor]) -> None:
    """KeyError or ValueError where the state is of no such head at all."""
    (first, features), second = state["mlp.0.weight"].shape, state["mlp.3.weight"].shape[0]
    found = _Widths(features, first, second)
    wrong = [
        f"{name} is {getattr(shape, name)} and the head's is {width}"
        for name, width in vars(found).items()
        if getattr(shape, name) != width
    ]
    if wrong:
        raise CheckpointError(f"{described} disagrees with {path.name}: {'; '.join(wrong)}.")


def _refuse_dead(path: Path, state: Mapping[str, Tensor]) -> None:
    """Refuse a head that says the same of every edit, or nothing at all."""
    check_finite(str(path), state)
    dead = [f"{layer}.weight" for layer in _LINEAR if not state[f"{layer}.weight"].any()]
    if dead:
        raise CheckpointError(
            f"{path} changes nothing: {', '.join(dead)} is all zero, so every edit would get the same scores."
        )
