"""A tiny random base model, and tables of rated edits small enough to train on in seconds."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState

from editrefiner.artifacts.png import encode_png
from services.evaluation.backends.qwen3vl import prompt
from training.evaluation.config import Config, read_config
from training.evaluation.levels import LINES
from training.evaluation.losses import LEVELS
from training.tiny_qwen3vl import write_base

SETTINGS = """
output = "run"
device = "cpu"
[data]
train = {{ path = "edits/train.csv" }}
validation = {{ path = "edits/validation.csv" }}
pairs = {{ path = "edits/pairs.csv" }}
pairs_validation = {{ path = "edits/pairs_validation.csv" }}
[model]
base = "{base}"
lora_rank = 4
lora_alpha = 8
head_widths = [16, 8]
precision = "float32"
gradient_checkpointing = false
[levels]
learning_rate = 3e-3
epochs = 2
batch = 2
accumulation = 2
validate_every = 3
save_every = 2
patience = 9
[scores]
remembered = 8
learning_rate = 3e-3
epochs = 2
batch = 2
accumulation = 2
validate_every = 3
save_every = 2
patience = 9
"""
PREFERENCES = """
[preferences]
learning_rate = 3e-3
epochs = 2
batch = 2
accumulation = 1
validate_every = 2
save_every = 2
patience = 9
"""


@pytest.fixture(autouse=True)
def fresh_accelerator() -> None:
    """accelerate keeps device and precision for the life of a process; a test is a process of its own."""
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny base model with two layers."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("tiny") / "base"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        write_base(folder, [prompt("Add a cup"), *LINES, *LEVELS] * 2, layers=2)
    return folder


@pytest.fixture
def edits(tmp_path: Path) -> Path:
    """A folder of tables: the brighter an edit is, the better it was rated."""
    folder = tmp_path / "edits"
    folder.mkdir()
    rng = np.random.default_rng(8)
    for name, count in (("train", 6), ("validation", 4)):
        rows, pairs = [], []
        for number in range(count):
            brightness = 20 + 210 * number // (count - 1)
            source = rng.integers(0, 90, (64, 64 + 32 * (number % 2), 3), dtype=np.uint8)
            (folder / f"{name}{number}_s.png").write_bytes(encode_png(source))
            (folder / f"{name}{number}_e.png").write_bytes(encode_png(np.full_like(source, brightness)))
            score = round(5 + 90 * number / (count - 1), 1)
            files = [f"{name}{number}_s.png", f"{name}{number}_e.png"]
            rows.append([*files, score, 100 - score, score, "Add a cup"])
            if number:
                pairs.append([*files, f"{name}{number - 1}_e.png", "Add a cup", "a", "b", "", "tie"])
        table = "pairs" if name == "train" else "pairs_validation"
        header = ["source", "edited", "visual", "editing", "preservation", "instruction"]
        write(folder / f"{name}.csv", [header, *rows])
        header = ["source", "a", "b", "instruction", "visual", "editing", "preservation", "overall"]
        write(folder / f"{table}.csv", [header, *pairs])
    return folder


def write(path: Path, rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def configured(base: Path, edits: Path, tmp_path: Path) -> Callable[..., Config]:
    """`configured(("epochs = 2", "epochs = 1"), ..., preferences=True)` reads the settings so changed."""

    def read(*replacements: tuple[str, str], preferences: bool = False) -> Config:
        text = SETTINGS.format(base=base) + (PREFERENCES if preferences else "")
        for before, after in replacements:
            assert before in text
            text = text.replace(before, after)
        (tmp_path / "run.toml").write_text(text)
        return read_config(tmp_path / "run.toml")

    return read
