"""What does a checkpoint of the published detector look like? A random one, tiny, in the same layout.

python -m training.perception.tiny_checkpoint OUT [--seed 0]

Writes OUT/base (Qwen3-VL with its LM head, bf16), OUT/artifact and OUT/failure (adapter, decoder as
`sal_head.pth`, processor files). 28 narrow layers, so that layer 26 is there; tests and dry runs of the
training load it through the same code as the eight billion. What it answers means nothing.
"""

from pathlib import Path

import torch
from peft import PeftModel
from transformers import Qwen3VLModel

from services.perception.agent import Sample
from services.perception.backends.qwen3vl import (
    KINDS,
    DecoderShape,
    FeatureReader,
    Kind,
    SaliencyDecoder,
    encode,
    prompt,
)
from services.qwen3vl import Preprocessor
from training.tiny_checkpoints import write_from_command_line
from training.tiny_qwen3vl import WIDTH, write_adapter, write_base

LAYERS = 28
SHAPE = DecoderShape(features=WIDTH, width=32, hidden=64, stages=(16, 12, 8))
RANK_AND_ALPHA: dict[Kind, tuple[int, int]] = {"artifact": (4, 2), "failure": (2, 4)}


def write(out: Path, *, seed: int = 0) -> None:
    """Write the three directories."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        base = out / "base"
        questions = [prompt(kind, "Make the cup blue") for kind in KINDS] * 2
        adapted: Qwen3VLModel | PeftModel = write_base(base, questions, LAYERS)
        for kind in KINDS:
            adapted = _write_kind(out / kind, kind, base, adapted)


def _write_kind(directory: Path, kind: Kind, processor: Path, model: Qwen3VLModel | PeftModel) -> PeftModel:
    rank, alpha = RANK_AND_ALPHA[kind]
    adapted = write_adapter(directory, model, kind, rank=rank, alpha=alpha, processor=processor)
    decoder = _decoder(adapted, kind, Preprocessor(processor))
    torch.save(decoder.to(torch.bfloat16).state_dict(), directory / "sal_head.pth")
    return adapted


def _decoder(adapted: PeftModel, kind: Kind, preprocessor: Preprocessor) -> SaliencyDecoder:
    """Random, and lively enough that maps span much of 0..1 and depend on what is attended to."""
    decoder = SaliencyDecoder(SHAPE).eval()
    torch.nn.init.normal_(decoder.attn.in_proj_weight, std=0.1)
    torch.nn.init.normal_(decoder.saliency_head.weight, std=0.3)
    picture = torch.randint(0, 256, (96, 128, 3), dtype=torch.uint8).numpy()
    edit = encode(preprocessor, Sample(picture, 255 - picture, "Make the cup blue"), kind)
    adapted.set_adapter(kind)
    with torch.no_grad():
        seen = FeatureReader(adapted.get_base_model()).read(preprocessor.collate([edit]))[0]
        for layer in decoder.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.train()
                layer.momentum = 1.0  # the statistics of this one picture
        decoder(seen.tokens.float(), seen.grid, seen.context.float())
    return decoder


if __name__ == "__main__":
    write_from_command_line(write, __doc__)
