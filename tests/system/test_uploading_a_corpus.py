"""Pillow's own test pictures through the upload of a real API: taken or refused, in bounded memory."""

import re
from collections import Counter
from pathlib import Path

import httpx
import pytest

from deploy.local import Topology
from editrefiner.contracts import PROBLEM_MEDIA_TYPE, ImageRef, Problem
from tests.corpora.pillow_images import CORPUS, MIN_FILES, needs_corpus

MAX_PEAK_MIB = 700  # an API process with its libraries, one decode at a time

pytestmark = [pytest.mark.process, pytest.mark.timeout(300), needs_corpus]


def peak_mib(pid: int) -> float:
    """The most memory that the process ever held."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def test_every_picture_is_taken_or_refused_with_a_problem(tmp_path: Path) -> None:
    topology = Topology(tmp_path, database="sqlite", workers=0)
    outcomes: Counter[str] = Counter()
    with topology, httpx.Client(base_url=topology.api_url, timeout=60) as client:
        for path in sorted(file for file in CORPUS.rglob("*") if file.is_file()):
            answer = client.post("/v1/artifacts", files={"file": (path.name, path.read_bytes())})
            if answer.status_code == 201:
                ImageRef.model_validate_json(answer.content)
                outcomes["taken"] += 1
            else:
                assert 400 <= answer.status_code < 500, f"{path}: {answer.text}"
                assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
                outcomes[Problem.model_validate_json(answer.content).code] += 1
        pid = topology.processes["api"].pid
        assert pid is not None
        peak = peak_mib(pid)

    assert outcomes.total() >= MIN_FILES
    assert outcomes["taken"] >= 500
    assert peak <= MAX_PEAK_MIB, outcomes
