"""A tiny random base model, and a folder of labelled edits small enough to train on in seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from transformers import Qwen3VLForConditionalGeneration

from training.editfhf import append_record, read_records
from training.labelled_files import Sample
from training.perception import tiny_checkpoint
from training.perception.config import Config, read_config

EDITS = 6
LAYERS = 4
SETTINGS = """
output = "run"
device = "cpu"
[data]
train = {{ form = "records", path = "edits/records.jsonl" }}
validation = {{ form = "records", path = "edits/records.jsonl", count = 3 }}
[model]
base = "{base}"
layer = 3
kind = "artifact"
lora_rank = 4
lora_alpha = 2
decoder_width = 32
decoder_hidden = 64
decoder_stages = [16, 8, 8]
precision = "float32"
gradient_checkpointing = false
[optimizer]
learning_rate = 3e-3
[schedule]
epochs = 2
batch = 2
accumulation = 2
validate_every = 3
save_every = 2
patience = 9
"""


@pytest.fixture(autouse=True)
def fresh_accelerator() -> None:
    """accelerate keeps device and precision for the life of a process; a test is a process of its own."""
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint's base model, cut to four layers: a recipe needs no more to be tried."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("tiny")
    tiny_checkpoint.write(folder)
    model: Any = Qwen3VLForConditionalGeneration.from_pretrained(folder / "base", local_files_only=True)
    language = model.model.language_model
    language.layers = language.layers[:LAYERS]
    model.config.text_config.num_hidden_layers = LAYERS
    model.save_pretrained(folder / "base")
    return folder / "base"


@pytest.fixture
def edits(tmp_path: Path) -> Path:
    """A records file of pictures on which a bright square is the artifact."""
    path = tmp_path / "edits" / "records.jsonl"
    path.parent.mkdir()
    rng = np.random.default_rng(8)
    for number in range(EDITS):
        source = rng.integers(0, 90, (64, 64 + 32 * (number % 2), 3), dtype=np.uint8)
        edited, marks = source.copy(), np.zeros(source.shape[:2], np.float32)
        y, x = rng.integers(4, 36, 2)
        edited[y : y + 24, x : x + 24] = 250
        marks[y : y + 24, x : x + 24] = 1.0
        append_record(
            path, f"e{number}", Sample(source, edited, "Add a cup", marks, None), scores=(50, 50, 50)
        )
    read_records(path)
    return path


@pytest.fixture
def configured(base: Path, edits: Path, tmp_path: Path) -> Callable[..., Config]:
    """`configured(("epochs = 2", "epochs = 1"), ...)` reads the settings with these replacements."""

    def read(*replacements: tuple[str, str]) -> Config:
        text = SETTINGS.format(base=base)
        for before, after in replacements:
            assert before in text
            text = text.replace(before, after)
        (tmp_path / "run.toml").write_text(text)
        return read_config(tmp_path / "run.toml")

    return read
