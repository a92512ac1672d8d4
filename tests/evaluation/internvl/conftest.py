"""One tiny checkpoint for all tests of the published EditHF scorer, loaded as in service."""

import shutil
from pathlib import Path

import pytest
import torch

from services.evaluation.backends.internvl import InternVLOptions, InternVLScorer
from tests.evaluation.internvl.published import options_of
from training.evaluation.tiny_internvl import write


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with base/ and three lora_checkpoints_.../; not to be written to."""
    torch.set_num_threads(1)
    directory = tmp_path_factory.mktemp("tiny")
    write(directory)
    return directory


@pytest.fixture(scope="session")
def options(tiny: Path) -> InternVLOptions:
    return options_of(tiny)


@pytest.fixture(scope="session")
def scorer(options: InternVLOptions) -> InternVLScorer:
    return InternVLScorer(options)


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A checkpoint to spoil."""
    directory = tmp_path / "weights"
    shutil.copytree(tiny, directory)
    return directory
