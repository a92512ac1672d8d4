"""Which flaws does the embedded detector see? Measured evidence and a small trained network, on a CPU."""

from dataclasses import replace

import cv2
import numpy as np

from editrefiner.contracts import BackendInfo, fingerprint
from services.perception.agent import Checkpoint, Finding, Sample
from services.perception.backends.agreement import agreed
from services.perception.backends.comparison import WORKING_SIDE, Comparison, compare, untouched
from services.perception.backends.evidence import evidence
from services.perception.backends.finding import finding
from services.perception.backends.network import FlawNetwork, input_size

VERSION = "7"  # raise it with every change of a rule or constant: answers are stored by it
TRAINING_DATA = (
    "Synthetic flaws painted on photographs of BSDS500 and an ImageNet sample; thresholds set on other "
    "photographs of the same folders. No human marks."
)


class CompactDetector:
    """Measures at a bounded working size, so that time and memory hardly grow with the picture."""

    def __init__(self, threads: int = 1) -> None:
        self._network = FlawNetwork(threads)
        self.thresholds = self._network.thresholds
        identity = {
            "backend": "compact",
            "version": VERSION,
            "working_side": WORKING_SIDE,
            "weights": self._network.digests,
        }
        self.backend = BackendInfo(
            name="compact",
            version=VERSION,
            digest=fingerprint(identity),
            weights=self._network.files,
            training_data=TRAINING_DATA,
        )

    def detect(self, sample: Sample, checkpoint: Checkpoint) -> Finding:
        """See FlawDetector."""
        found = compare(sample, checkpoint)
        maps = network_maps(self._network, found, sample.instruction)
        checkpoint()
        shape = found.seen.shape
        artifact, failure = (np.zeros(shape, np.float32),) * 2
        if maps is not None:
            artifact, failure = (_resized(one, shape) for one in maps)
            artifact, failure = agreed(artifact, failure, found.rules, plain=found.wish.plain)
        return replace(finding(found, artifact, failure), extent=found.split.unintended)


def network_maps(network: FlawNetwork, found: Comparison, instruction: str) -> np.ndarray | None:
    """(2, h, w) float32, what the network alone sees; None if nothing can be said or nothing was edited."""
    if not found.geometry.reliable or untouched(found):
        return None
    return network.maps(evidence(found, instruction, network.words, input_size(found.seen.shape)))


def _resized(one: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.clip(cv2.resize(one, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), 0, 1)
