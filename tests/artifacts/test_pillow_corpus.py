"""Pillow's own test pictures, fuzzers' findings among them: decoded or refused, and nothing else."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from tests.corpora.pillow_images import CORPUS, MIN_FILES, needs_corpus

MAX_PEAK_MIB = 400  # the largest picture has 10 megapixels

pytestmark = [pytest.mark.process, needs_corpus]

# In a process of its own: a crash of a parser written in C would take the test run with it.
READER = """
import json, re, sys, warnings
from pathlib import Path
from editrefiner.artifacts import ImageLimits, decode_image
from editrefiner.contracts import ProblemError
warnings.simplefilter(sys.argv[2])
for path in sorted(Path(sys.argv[1]).rglob("*")):
    if not path.is_file():
        continue
    print(json.dumps({"begun": path.name}), flush=True)
    try:
        decoded = decode_image(path.read_bytes(), ImageLimits(), name=path.name)
        height, width = decoded.pixels.shape[:2]
        assert decoded.pixels.shape == (height, width, 3) and decoded.pixels.dtype == "uint8"
        assert decoded.alpha is None or decoded.alpha.shape == (height, width)
        outcome = "decoded"
    except ProblemError as exc:
        assert 400 <= exc.status < 500 and path.name in exc.detail, exc.detail
        outcome = str(exc.code)
    print(json.dumps({"outcome": outcome}), flush=True)
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(json.dumps({"peak_mib": int(peak) / 1024}))
"""


@pytest.mark.parametrize("parser_warnings", ["ignore", "error"])
def test_every_picture_is_decoded_or_refused_in_bounded_memory(parser_warnings: str) -> None:
    command = [sys.executable, "-c", READER, str(CORPUS), parser_warnings]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"after {lines[-1]}: {done.stderr[-2000:]}"

    outcomes = Counter(line["outcome"] for line in lines if "outcome" in line)
    assert outcomes.total() >= MIN_FILES
    assert outcomes["decoded"] >= 500
    assert outcomes["image_animated"] >= 50
    assert outcomes["image_unreadable"] <= 20
    assert lines[-1]["peak_mib"] <= MAX_PEAK_MIB
