"""What does the model get to see? Pictures and words as patches and token ids."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import AutoTokenizer
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from services.checkpoints import CheckpointError

MAX_PIXELS = 1_048_576  # the published agents were trained on pictures of at most one megapixel
SIDE_STEP = 16
TOKENIZER = "tokenizer.json"
IMAGE_TOKEN = "<|image_pad|>"  # noqa: S105 — a token of the vocabulary, no secret


@dataclass(frozen=True)
class Encoded:
    """Pictures and a question about them, not yet in a batch."""

    input_ids: Tensor
    """(S,) int64."""
    pixel_values: Tensor
    """(P, D) float32: the patches of the first picture, then those of the next."""
    grids: Tensor
    """(N, 3) int64: frames, rows and columns of patches of each picture."""
    size: tuple[int, int]
    """Height and width of the last picture as it was shown."""


@dataclass(frozen=True)
class Batch:
    """Questions padded on the right to one length."""

    input_ids: Tensor
    """(B, S) int64."""
    lengths: tuple[int, ...]
    """Tokens of each question, without the padding."""
    pixel_values: Tensor
    grids: Tensor
    """(N, 3) int64: of the pictures of the first question, then of those of the next."""
    sizes: tuple[tuple[int, int], ...]

    def to(self, device: torch.device | str) -> "Batch":
        """The same on another device."""
        return Batch(
            self.input_ids.to(device),
            self.lengths,
            self.pixel_values.to(device),
            self.grids.to(device),
            self.sizes,
        )


class Preprocessor:
    """The tokenizer, chat template and picture settings of one directory.

    It does what Qwen3VLProcessor does with pictures and text, and needs no torchvision.
    """

    def __init__(self, directory: Path) -> None:
        if not (directory / TOKENIZER).is_file():  # the library would go on with an empty vocabulary
            raise CheckpointError(f"{directory} holds no tokenizer ({TOKENIZER}).")
        try:
            # The library is typed for every modality at once; what is used of it here is tested.
            self._tokenizer: Any = AutoTokenizer.from_pretrained(directory, local_files_only=True)
            self._images: Any = Qwen2VLImageProcessorPil.from_pretrained(directory, local_files_only=True)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{directory} holds no usable processor files: {error}") from error
        self._template = self._tokenizer.chat_template or _template_file(directory)
        if self._template is None:
            raise CheckpointError(f"{directory} holds no chat template (chat_template.jinja or .json).")
        self._special = tuple(self._tokenizer.get_added_vocab())
        self.image_token_id: int = self._tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)
        if IMAGE_TOKEN not in self._special:
            raise CheckpointError(f"The tokenizer in {directory} has no token {IMAGE_TOKEN}.")
        self.pad_token_id: int = self._tokenizer.pad_token_id or 0
        self.vocabulary: int = len(self._tokenizer)
        self.patch: int = self._images.patch_size
        self.merge: int = self._images.merge_size

    def encode(self, pictures: Sequence[np.ndarray], question: str) -> Encoded:
        """One turn of the user: (H, W, 3) uint8 RGB pictures of any sizes, then the question."""
        shown = [reduced(picture) for picture in pictures]
        seen = self._images(images=shown, return_tensors="pt", input_data_format="channels_last")
        grids: Tensor = seen["image_grid_thw"]
        counts = [int(grid.prod()) // self.merge**2 for grid in grids]
        ids = self._tokenizer(self._text(question, counts), add_special_tokens=False)
        input_ids = torch.tensor(ids["input_ids"], dtype=torch.int64)
        return Encoded(input_ids, seen["pixel_values"], grids, shown[-1].shape[:2])

    def collate(self, questions: Sequence[Encoded]) -> Batch:
        """Questions about pictures of any sizes as one batch."""
        ids = [question.input_ids for question in questions]
        return Batch(
            input_ids=torch.nn.utils.rnn.pad_sequence(
                ids, batch_first=True, padding_value=float(self.pad_token_id)
            ),
            lengths=tuple(len(row) for row in ids),
            pixel_values=torch.cat([question.pixel_values for question in questions]),
            grids=torch.cat([question.grids for question in questions]),
            sizes=tuple(question.size for question in questions),
        )

    def _text(self, question: str, counts: list[int]) -> str:
        """The rendered turn, with one image token for each 32x32 pixels."""
        for token in self._special:
            # An instruction may not speak for the chat format: its tokens become plain text.
            question = question.replace(token, f"{token[0]} {token[1:]}")
        content = [*({"type": "image"} for _ in counts), {"type": "text", "text": question}]
        rendered: str = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": content}],
            chat_template=self._template,
            tokenize=False,
            add_generation_prompt=True,
        )
        pieces = rendered.split(IMAGE_TOKEN)
        if len(pieces) != 1 + len(counts):
            raise CheckpointError(
                f"The chat template writes {len(pieces) - 1} image tokens for {len(counts)} pictures."
            )
        return pieces[0] + "".join(
            IMAGE_TOKEN * n + piece for n, piece in zip(counts, pieces[1:], strict=True)
        )


def reduced(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8, shrunk to about one megapixel where it has more."""
    height, width = picture.shape[:2]
    if width * height <= MAX_PIXELS:
        return picture
    scale = (MAX_PIXELS / (width * height)) ** 0.5
    size = (_stepped(width * scale), _stepped(height * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def _stepped(side: float) -> int:
    return max(SIDE_STEP, SIDE_STEP * (round(side) // SIDE_STEP))


def _template_file(directory: Path) -> str | None:
    """Older processors keep the template in a file of its own, which the tokenizer does not read."""
    path = directory / "chat_template.json"
    if not path.is_file():
        return None
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["chat_template"])
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is not a chat template: {error}") from error
