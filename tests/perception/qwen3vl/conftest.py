"""One tiny checkpoint for all tests of the published detector, loaded as in service."""

from pathlib import Path

import pytest
import torch

from services.perception.backends.qwen3vl import Qwen3VLDetector, Qwen3VLOptions
from training.perception.tiny_checkpoint import write


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with base/, artifact/ and failure/; not to be written to."""
    torch.set_num_threads(1)
    directory = tmp_path_factory.mktemp("tiny")
    write(directory)
    return directory


@pytest.fixture(scope="session")
def options(tiny: Path) -> Qwen3VLOptions:
    return Qwen3VLOptions(tiny / "base", tiny / "artifact", tiny / "failure")


@pytest.fixture(scope="session")
def detector(options: Qwen3VLOptions) -> Qwen3VLDetector:
    return Qwen3VLDetector(options)
