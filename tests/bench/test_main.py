import subprocess
import sys
from pathlib import Path

import pytest

import bench
from bench.__main__ import SMALL, question


@pytest.mark.parametrize("name", SMALL)
def test_every_benchmark_in_the_list_says_what_it_measures(name):
    assert question(name).endswith((".", "?"))


def test_every_program_that_keeps_a_result_is_in_the_list():
    programs = {
        path.stem for path in Path(bench.__file__).parent.glob("*.py") if '\n    keep("' in path.read_text()
    }

    assert programs <= set(SMALL)


def test_the_list_is_printed_and_an_unknown_name_refused():
    listed = subprocess.run(
        [sys.executable, "-m", "bench", "--list"], capture_output=True, text=True, check=True
    )
    refused = subprocess.run(
        [sys.executable, "-m", "bench", "speed"], capture_output=True, text=True, check=False
    )

    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(SMALL)
    assert refused.returncode == 2
    assert "there is no benchmark speed" in refused.stderr
