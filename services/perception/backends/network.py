"""How is the trained network run? ONNX Runtime on weights that are checked against their digests."""

import json
from pathlib import Path

import cv2
import numpy as np

from editrefiner.contracts import Thresholds, WeightsFile
from services.perception.backends.evidence import Evidence
from services.perception.backends.wordvectors import WordVectors
from services.shipped import pinned, session

WEIGHTS = Path(__file__).with_name("weights")
AREA = 288 * 288  # pixels that the network is shown, whatever the shape: it was trained at this scale
MULTIPLE = 16  # of the sides: the coarsest stride of the backbone
STRIDE = 4  # of planes and maps


LICENCES = {
    "compact.onnx": {
        "licence": "Apache-2.0",
        "origin": "training/compact_detector on EfficientNet-Lite0 (ImageNet weights, Apache-2.0)",
    },
    "words.npz": {"licence": "MIT", "origin": "training/compact_detector/words.py from WordLlama 0.4.0"},
}


class FlawNetwork:
    """Evidence in, two maps out; the thresholds that were calibrated with it."""

    def __init__(self, threads: int = 1, folder: Path = WEIGHTS) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        self.digests: dict[str, str] = manifest["sha256"]
        contents = {name: pinned(folder / name, digest) for name, digest in self.digests.items()}
        self.files = tuple(
            WeightsFile(name=name, sha256=digest, **LICENCES[name]) for name, digest in self.digests.items()
        )
        self.thresholds = Thresholds(**manifest["thresholds"])
        self.words = WordVectors.read(folder / "words.npz")
        self._session = session(contents["compact.onnx"], threads)

    def maps(self, seen: Evidence) -> np.ndarray:
        """(2, h / 4, w / 4) float32 in [0, 1]: artifact and failure."""
        pictures = [p.transpose(2, 0, 1)[None].astype(np.float32) for p in (seen.edited, seen.source)]
        inputs = {
            "edited": pictures[0],
            "source": pictures[1],
            "planes": small_planes(seen)[None],
            "whole": seen.whole[None],
        }
        return np.asarray(self._session.run(["maps"], inputs)[0])[0]


def small_planes(seen: Evidence) -> np.ndarray:
    """(planes + 3, h / 4, w / 4) float32: the evidence and the edited picture at the stride of the maps."""
    size = seen.edited.shape[1] // STRIDE, seen.edited.shape[0] // STRIDE
    picture = seen.edited.astype(np.float32).transpose(2, 0, 1) / 127.5 - 1
    planes = np.concatenate([seen.planes, picture])
    return np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes])


def input_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width that the network is shown of a picture, which is hardly ever enlarged."""
    height, width = shape[:2]
    scale = min(1.0, float(np.sqrt(AREA / (height * width))))
    sides = [max(4 * MULTIPLE, MULTIPLE * round(side * scale / MULTIPLE)) for side in (height, width)]
    return sides[0], sides[1]
