"""Commands as processes, and one refinement made by such a command."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest


def editrefiner(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    """A command that runs to its end."""
    command = [sys.executable, "-m", "suite", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False, **options)


@contextlib.contextmanager
def started(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A command that is under way; what it writes comes from `stderr`."""
    command = [sys.executable, "-m", "suite", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def serving(port: int, data: Path) -> Iterator[subprocess.Popen[str]]:
    """`editrefiner serve`, ready."""
    with started("serve", "--port", port, "--data", data) as process:
        for _ in range(600):
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    break
            time.sleep(0.1)
        else:
            pytest.fail("the server is not ready after 60 s")
        yield process


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class SampleRun:
    """What `editrefiner demo` made of the sample."""

    out: Path
    ended: subprocess.CompletedProcess[str]

    @property
    def document(self):
        return json.loads((self.out / "result.json").read_text())


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory) -> SampleRun:
    out = tmp_path_factory.mktemp("sample") / "refined"
    ended = editrefiner("demo", "-o", out)
    assert ended.returncode == 0, ended.stderr
    return SampleRun(out, ended)


@pytest.fixture(scope="session")
def command():
    return editrefiner


@pytest.fixture(scope="session")
def start():
    return started


@pytest.fixture(scope="session")
def serve():
    return serving


@pytest.fixture(scope="session")
def free_port():
    return unused_port
