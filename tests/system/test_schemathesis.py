"""Requests generated from each API document find no server error and no answer that the document lacks."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import Topology
from deploy.local.topology import AGENTS

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
# A full queue, a deadline of a millisecond: valid requests, and 503 and 504 are their valid answers.
CONFIG = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 503, 504]\n'


@pytest.fixture(scope="module")
def topology(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """The API and the four agents; nobody runs what is accepted."""
    with Topology(tmp_path_factory.mktemp("suite"), database="sqlite", workers=0) as running:
        yield running


@pytest.mark.parametrize("app", ["api", *AGENTS])
def test_generated_requests_find_no_undocumented_answer(topology: Topology, tmp_path: Path, app: str) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)

    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={config}",
            "run",
            f"http://127.0.0.1:{topology.ports[app]}/openapi.json",
            "--phases=examples,coverage,fuzzing",
            f"--checks={','.join(CHECKS)}",
            "--max-examples=3",
            "--generation-deterministic",
            "--no-color",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
