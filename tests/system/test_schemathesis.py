"""Requests generated from each API document find no server error and no answer that the document lacks."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import Topology
from deploy.local.topology import AGENTS
from tests.generated_requests import schemathesis

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def topology(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """The API and the four agents; nobody runs what is accepted."""
    with Topology(tmp_path_factory.mktemp("suite"), database="sqlite", workers=0) as running:
        yield running


@pytest.mark.parametrize("app", ["api", *AGENTS])
def test_generated_requests_find_no_undocumented_answer(topology: Topology, tmp_path: Path, app: str) -> None:
    options = ("--phases=examples,coverage,fuzzing", "--max-examples=3", "--generation-deterministic")

    done = subprocess.run(
        schemathesis(tmp_path, topology.ports[app], *options),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
