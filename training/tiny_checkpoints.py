"""What do the tiny random checkpoints share? A tokenizer like Qwen's, and the command that writes one."""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen2Tokenizer
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

__all__ = ["byte_tokenizer", "write_from_command_line"]

VOCABULARY = 640


def byte_tokenizer(texts: Sequence[str], special: Sequence[str]) -> Qwen2Tokenizer:
    """Byte-level BPE, which splits digits, learned from the texts."""
    raw = Tokenizer(models.BPE())
    raw.normalizer = normalizers.NFC()
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(special),
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    learned = json.loads(raw.to_str())["model"]
    build: Any = Qwen2Tokenizer  # annotated for files alone
    return build(
        vocab=learned["vocab"],
        merges=[tuple(pair) for pair in learned["merges"]],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token=None,
        additional_special_tokens=list(special),
        model_max_length=32_768,
    )


def write_from_command_line(write: Callable[..., None], description: str | None) -> None:
    """Run `write(OUT, seed=SEED)` as the arguments of the command line say."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, help="directory to write")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    write(asked.out, seed=asked.seed)
