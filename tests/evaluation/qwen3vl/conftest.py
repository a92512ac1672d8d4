"""One tiny checkpoint for all tests of the published scorer, loaded as in service."""

from pathlib import Path

import pytest
import torch

from services.evaluation.backends.qwen3vl import Qwen3VLOptions, Qwen3VLScorer
from training.evaluation.tiny_checkpoint import write


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with base/ and evaluation/; not to be written to."""
    torch.set_num_threads(1)
    directory = tmp_path_factory.mktemp("tiny_scorer")
    write(directory)
    return directory


@pytest.fixture(scope="session")
def options(tiny: Path) -> Qwen3VLOptions:
    return Qwen3VLOptions(tiny / "base", tiny / "evaluation")


@pytest.fixture(scope="session")
def scorer(options: Qwen3VLOptions) -> Qwen3VLScorer:
    return Qwen3VLScorer(options)
