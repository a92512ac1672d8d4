"""What does the scorer get to see? Two pictures of 448 x 448 and one raw string, as numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import Qwen2Tokenizer

from services.checkpoints import CheckpointError, built
from services.evaluation.backends.internvl.aspects import ASPECTS, FIRST_DIGITS, Aspect, question
from services.evaluation.backends.internvl.base import PICTURE_TOKENS, SIDE

START, CONTEXT, END = "<img>", "<IMG_CONTEXT>", "</img>"
POSITION = -6
"""Where the state is that the head was trained on: before the five tokens of the suffix's number."""
TOKENIZER_FILES = (("tokenizer.json",), ("vocab.json", "merges.txt"))
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


class Question:
    """The tokenizer of a base, checked to split the question as the weights know it."""

    def __init__(self, directory: Path) -> None:
        if not any(all((directory / name).is_file() for name in names) for names in TOKENIZER_FILES):
            # The library would go on with an empty vocabulary.
            raise CheckpointError(
                f"{directory} holds no tokenizer (tokenizer.json, or vocab.json and merges.txt)."
            )
        # The library is typed for many tokenizers at once; what is used of this one is tested.
        self._tokenizer: Any = built(
            f"{directory} holds no usable tokenizer",
            lambda: Qwen2Tokenizer.from_pretrained(directory, local_files_only=True),
        )
        self._directory = directory
        self._special: tuple[str, ...] = tuple(self._tokenizer.get_added_vocab())
        missing = [token for token in (START, CONTEXT, END) if token not in self._special]
        if missing:
            raise CheckpointError(f"The tokenizer in {directory} has no token {', '.join(missing)}.")
        self.image_token_id: int = self._tokenizer.convert_tokens_to_ids(CONTEXT)
        self.vocabulary: int = len(self._tokenizer)
        self._tail = self._located()

    def ids(self, aspect: Aspect, instruction: str) -> Tensor:
        """(1, S) int64: the question about an aspect, with both pictures' places in it."""
        ids: list[int] = self._tokenizer(self._text(aspect, instruction), add_special_tokens=False)[
            "input_ids"
        ]
        if ids[POSITION:] != self._tail or ids.count(self.image_token_id) != 2 * PICTURE_TOKENS:
            raise CheckpointError(
                f"The tokenizer in {self._directory} splits the question otherwise after this instruction."
            )
        return torch.tensor([ids], dtype=torch.int64)

    def _text(self, aspect: Aspect, instruction: str) -> str:
        for token in (*self._special, "<image>"):
            # An instruction may not show pictures of its own: such tokens become plain text.
            instruction = instruction.replace(token, f"{token[0]} {token[1:]}")
        return question(aspect, instruction, START + CONTEXT * PICTURE_TOKENS + END)

    def _located(self) -> list[int]:
        """The tokens from the one that comes before the first digit on; they must be the last six."""
        text = self._text(ASPECTS[0], "Make the cup blue")
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        digit = len(text) - len(FIRST_DIGITS)
        starts = [start for start, _ in encoded["offset_mapping"]]
        found = starts.index(digit) - 1 - len(starts) if digit in starts else None
        if found != POSITION:
            where = "inside a token" if found is None else f"at {found + 1}"
            raise CheckpointError(
                f"The tokenizer in {self._directory} puts the suffix's first digit {where}, counted from "
                f"the end; the weights were trained on the state before it at {POSITION}."
            )
        return list(encoded["input_ids"][POSITION:])


def pixels(picture: np.ndarray) -> Tensor:
    """(1, 3, 448, 448) float32 of (H, W, 3) uint8 RGB, squashed whatever its shape, as in the training."""
    seen = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    scaled = (np.asarray(seen, np.float32) / 255 - MEAN) / STD
    return torch.from_numpy(scaled.transpose(2, 0, 1)[None].copy())


def placed(embedded: Tensor, ids: Tensor, pictures: Sequence[Tensor], image_token_id: int) -> Tensor:
    """(1, S, W): embedded tokens with the pictures' features where their places are, in this order."""
    filled = embedded.clone()
    filled[ids == image_token_id] = torch.cat([features.flatten(0, 1) for features in pictures]).to(
        filled.dtype
    )
    return filled
