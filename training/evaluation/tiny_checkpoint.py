"""What does a checkpoint of the published scorer look like? A random one, tiny, in the same layout.

python -m training.evaluation.tiny_checkpoint OUT [--seed 0]

Writes OUT/base (Qwen3-VL with its LM head, bf16) and OUT/evaluation (adapter, `score_head.pth`,
`regression_config.json`, processor files). Tests and dry runs of the training load it through the same code
as the eight billion. What it answers means nothing.
"""

import json
from pathlib import Path

import torch

from services.evaluation.backends.qwen3vl import HeadShape, ScoreHead, prompt
from training.tiny_checkpoints import write_from_command_line
from training.tiny_qwen3vl import AUTHORS_BASE, WIDTH, write_adapter, write_base

LAYERS = 4
RANK, ALPHA = 4, 2
SHAPE = HeadShape(hidden_size=WIDTH, head_hidden_size=24, head_hidden_size2=16)


def write(out: Path, *, seed: int = 0) -> None:
    """Write the two directories."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        directory = out / "evaluation"
        model = write_base(out / "base", [prompt("Make the cup blue")] * 2, LAYERS)
        write_adapter(directory, model, "evaluation", rank=RANK, alpha=ALPHA, processor=out / "base")
        torch.save(_head().state_dict(), directory / "score_head.pth")
    described = {**SHAPE.model_dump(), "base_model_path": AUTHORS_BASE}
    (directory / "regression_config.json").write_text(json.dumps(described, indent=2), encoding="utf-8")


def _head() -> ScoreHead:
    """Random, and lively enough that scores span much of 0..100."""
    head = ScoreHead(SHAPE).eval()
    for layer in head.mlp:
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight, std=2 / layer.in_features**0.5)
            torch.nn.init.normal_(layer.bias, std=0.1)
    return head


if __name__ == "__main__":
    write_from_command_line(write, __doc__)
