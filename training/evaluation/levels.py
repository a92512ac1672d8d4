r"""How does the model say a level? Words at three places of a fixed answer, by a few rows of its LM head.

The answer names the dimensions and leaves their levels out:

    perceptual quality:\ninstruction following:\nvisual consistency:\n

After each line the model is asked for the first token of the next word, and the softmax over the five words
is trained. No level stands in what the model reads, so that none is learnt from another and one pass without
any decoding judges an edit. The rows of the five tokens are read from the base's LM head and stay frozen; the
rest of it is never loaded.
"""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import AutoTokenizer

from services.checkpoints import CheckpointError, read_json
from training.evaluation.losses import LEVELS

__all__ = ["Answer", "read_answer", "read_rows"]

LINES = ("perceptual quality:\n", "instruction following:\n", "visual consistency:\n")
INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
LM_HEAD = "lm_head.weight"
EMBEDDINGS = "model.language_model.embed_tokens.weight"  # stand in for the LM head where both are tied


@dataclass(frozen=True)
class Answer:
    """What is put after the question."""

    ids: Tensor
    """(T,) int64: the tokens of the three lines."""
    ends: tuple[int, ...]
    """Index of the last token of each line: whose state is asked for the level."""
    words: tuple[int, ...]
    """First token of each level."""


def read_answer(base: Path) -> Answer:
    """The answer in the tokens of a base model."""
    tokenizer: Any = AutoTokenizer.from_pretrained(base, local_files_only=True)
    lines = [tokenizer(line, add_special_tokens=False)["input_ids"] for line in LINES]
    words = tuple(tokenizer(level, add_special_tokens=False)["input_ids"][0] for level in LEVELS)
    if len(set(words)) < len(words):
        raise CheckpointError(
            f"The tokenizer in {base} begins two of {', '.join(LEVELS)} with the same token."
        )
    ends = torch.tensor([len(line) for line in lines]).cumsum(0) - 1
    return Answer(torch.tensor(list(itertools.chain.from_iterable(lines))), tuple(ends.tolist()), words)


def read_rows(base: Path, tokens: tuple[int, ...]) -> Tensor:
    """(N, C) float32 rows of the LM head for the tokens."""
    places = _places(base)
    name = LM_HEAD if LM_HEAD in places else EMBEDDINGS
    if name not in places:
        raise CheckpointError(f"{base} holds no LM head ({LM_HEAD}): levels are words, so stage 1 needs it.")
    try:
        with safe_open(places[name], framework="pt") as file:
            rows = file.get_slice(name)
            return torch.cat([rows[token : token + 1] for token in tokens]).float()
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{places[name]} cannot be read: {error}") from error


def _places(base: Path) -> dict[str, Path]:
    """Name of each tensor -> the file that holds it."""
    if (base / INDEX).is_file():
        weights = read_json(base / INDEX).get("weight_map")
        if not isinstance(weights, dict):
            raise CheckpointError(f"{base / INDEX} has no weight_map: {json.dumps(weights)[:80]}")
        return {str(name): base / str(file) for name, file in weights.items()}
    try:
        with safe_open(base / SINGLE, framework="pt") as file:
            return dict.fromkeys(file.keys(), base / SINGLE)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{base} holds no readable {SINGLE}: {error}") from error
