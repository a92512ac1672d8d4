"""What does a look cost? Time and memory of the compact detector by size; ONNX Runtime beside OpenVINO.

python -m bench.perception_speed [--rounds 5]

Each size runs in a process of its own, so that its peak memory is its own. The runtimes take turns on the
network alone, on one input; times are medians of the rounds.
"""

import argparse
import importlib
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
from skimage.data import astronaut

from bench.results_file import keep
from services.perception.agent import Sample
from services.perception.backends.compact import CompactDetector
from services.perception.backends.comparison import compare
from services.perception.backends.evidence import evidence
from services.perception.backends.network import WEIGHTS, FlawNetwork, input_size, small_planes

SIZES = ((64, 64), (256, 256), (512, 512), (1024, 1024), (2048, 2048), (4000, 3000), (6000, 4000))
"""Width and height: 64 px to 24 megapixels."""
INSTRUCTION = "Make the helmet blue"


def sample_of(width: int, height: int) -> Sample:
    """A public-domain portrait repeated to the size, with a recoloured and a blurred part."""
    tile = np.asarray(astronaut())
    rows, columns = -(-height // 512), -(-width // 512)
    source = np.ascontiguousarray(np.tile(tile, (rows, columns, 1))[:height, :width])
    edited = source.copy()
    y, x = height // 4, width // 4
    edited[y : 2 * y, x : 2 * x, 2] = 255 - edited[y : 2 * y, x : 2 * x, 2] // 2
    edited[2 * y : 3 * y, 2 * x : 3 * x] = cv2.blur(edited[2 * y : 3 * y, 2 * x : 3 * x], (9, 9))
    return Sample(source, edited, INSTRUCTION)


def one_size(width: int, height: int, rounds: int) -> dict[str, float]:
    """Median seconds of a look at that size, and the peak memory of the process."""
    cv2.setNumThreads(1)
    detector = CompactDetector()
    detector.detect(sample_of(256, 256), lambda: None)
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sample = sample_of(width, height)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        detector.detect(sample, lambda: None)
        times.append(time.perf_counter() - start)
    megapixels = width * height / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "megapixels": megapixels,
        "seconds": statistics.median(times),
        "seconds_per_megapixel": statistics.median(times) / megapixels,
        "loaded_mib": loaded,
        "peak_mib": peak,
        "pictures_mib": 2 * sample.edited.nbytes / 2**20,
    }


def runtimes(rounds: int) -> dict[str, float]:
    """Median milliseconds of the network alone by runtime, in turns, one thread each."""
    network = FlawNetwork(threads=1)
    found = compare(sample_of(512, 512))
    seen = evidence(found, INSTRUCTION, network.words, input_size(found.seen.shape))
    sides = {"onnxruntime": lambda: network.maps(seen)}
    pictures = [p.transpose(2, 0, 1)[None].astype(np.float32) for p in (seen.edited, seen.source)]
    inputs = [*pictures, small_planes(seen)[None], seen.whole[None]]
    if importlib.util.find_spec("openvino"):
        sides |= {f"openvino {kind}": _openvino(inputs, kind) for kind in ("f32", "bf16")}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            if turn:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in times.items()}


def _openvino(inputs: list[np.ndarray], kind: str) -> Callable[[], object]:
    openvino = importlib.import_module("openvino")  # compared with where it is installed
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False, "INFERENCE_PRECISION_HINT": kind}
    compiled = core.compile_model(str(WEIGHTS / "compact.onnx"), "CPU", settings)
    return lambda: compiled(inputs)


def main() -> None:
    """Print and keep both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"), help="measure one size, here"
    )
    options = parser.parse_args()
    if options.size:
        width, height = options.size
        print(json.dumps(one_size(width, height, options.rounds)))
        return
    table = {}
    for width, height in SIZES:
        command = [sys.executable, "-m", "bench.perception_speed", "--rounds", str(options.rounds), "--size"]
        done = subprocess.run([*command, str(width), str(height)], check=True, capture_output=True, text=True)
        table[f"{width}x{height}"] = row = json.loads(done.stdout.splitlines()[-1])
        print(f"{width}x{height}: {row['seconds']:.2f} s, peak {row['peak_mib']:.0f} MiB")
    network = runtimes(4 * options.rounds)
    print({name: f"{value:.0f} ms" for name, value in network.items()})
    keep("perception_speed", {"by size": table, "network alone, ms": network})


if __name__ == "__main__":
    main()
