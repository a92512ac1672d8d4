"""The examples of the pages run as they are printed, against the suite as processes."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from deploy.local import Topology
from suite import samples
from tests.docs.pages import blocks, having, title

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

PORTS = {"8100": "api", "8101": "perception", "8102": "reasoning", "8103": "action", "8104": "evaluation"}


@pytest.fixture(scope="module")
def topology(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    with Topology(tmp_path_factory.mktemp("suite"), workers=1) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the pages take for granted: source.png, edited.png and mask.png, white where the smear is."""
    source, edited = (cv2.imread(str(path)) for path in (samples.SOURCE, samples.EDITED))
    assert source is not None
    assert edited is not None
    mask = cv2.inRange(edited, (0, 0, 0), (0, 0, 0))
    mask[:] = 0
    mask[200:290, 490:590] = 255
    for name, picture in (("source", source), ("edited", edited), ("mask", mask)):
        assert cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    return tmp_path


@pytest.mark.parametrize("page", having("bash"), ids=title)
def test_the_examples_of_a_page_run_one_after_the_other(topology: Topology, folder: Path, page: Path) -> None:
    script = "\n".join(blocks(page, "bash"))
    for port, name in PORTS.items():
        script = re.sub(rf"\b(127\.0\.0\.1|localhost):{port}\b", f"127.0.0.1:{topology.ports[name]}", script)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    home = folder / "home"
    home.mkdir()

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": programs, "HOME": str(home), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, f"{script}\n--- out\n{done.stdout}\n--- err\n{done.stderr}"
