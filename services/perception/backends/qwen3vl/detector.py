"""Where do the published weights see flaws? Two adapters on one resident model, one decoder each."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from editrefiner.contracts import BackendInfo, Thresholds, WeightsFile, fingerprint
from services.checkpoints import chosen_device, chosen_dtype, file_digests, is_weights
from services.perception.agent import Checkpoint, Finding, Sample
from services.perception.backends.comparison import compare
from services.perception.backends.finding import finding
from services.perception.backends.qwen3vl.branches import Branch, load_branches
from services.perception.backends.qwen3vl.decoder import in_frame
from services.perception.backends.qwen3vl.kinds import KINDS, Kind, encode
from services.perception.backends.qwen3vl.options import Qwen3VLOptions

VERSION = "1"  # raise it with every change of what the same weights answer
ORIGINS = {
    "artifact": "finds artifacts, in the layout of the EditRefiner release",
    "failure": "finds editing failures, in the layout of the EditRefiner release",
    "base": "Qwen3-VL-8B-Instruct, or what was given as such",
}
LICENCES = {"artifact": "as its publisher states", "failure": "as its publisher states", "base": "Apache-2.0"}
FLAT = 1e-6  # a map of a smaller range is not stretched


class Qwen3VLDetector:
    """See FlawDetector; `detect_batch` answers several edits for the price of fewer passes."""

    def __init__(self, options: Qwen3VLOptions) -> None:
        torch.set_num_threads(options.threads)
        self._options = options
        self._device = chosen_device(options.device)
        self._dtype = chosen_dtype(options.dtype, self._device)
        self._branches = load_branches(options, self._device, self._dtype)
        self.thresholds = Thresholds(
            artifact=options.artifact_threshold, editing_failure=options.failure_threshold
        )
        self.backend = self._described()

    def _described(self) -> BackendInfo:
        options = self._options
        read = {place for branch in self._branches.values() for place in branch.directories}
        files = {place: file_digests(place) for place in read}  # once, though two branches share a base
        digest = fingerprint(
            {
                "backend": "qwen3vl",
                "version": VERSION,
                "weights": {
                    kind: [files[place] for place in branch.directories]
                    for kind, branch in self._branches.items()
                },
                "positions": options.positions,
                "layer": options.layer,
                "min_max": options.min_max,
                "thresholds": [options.artifact_threshold, options.failure_threshold],
                "dtype": str(self._dtype),
            }
        )
        roles = {
            "artifact": options.artifact_weights,
            "failure": options.failure_weights,
            "base": options.base,
        }
        return BackendInfo(
            name="qwen3vl",
            version=VERSION,
            digest=digest,
            provisional=True,  # until thresholds on the absolute scale are calibrated with these weights
            weights=tuple(
                WeightsFile(
                    name=f"{role}/{name}", sha256=sha256, licence=LICENCES[role], origin=ORIGINS[role]
                )
                for role, place in roles.items()
                for name, sha256 in files.get(place, {}).items()
                if is_weights(name)
            ),
        )

    def detect(self, sample: Sample, checkpoint: Checkpoint) -> Finding:
        """See FlawDetector."""
        return self.detect_batch([sample], checkpoint)[0]

    def detect_batch(self, samples: Sequence[Sample], checkpoint: Checkpoint) -> list[Finding]:
        """The same for edits of any sizes, each as if it came alone."""
        compared = [compare(sample, checkpoint) for sample in samples]
        maps = {kind: self.saliency(samples, kind, checkpoint) for kind in KINDS}
        return [
            finding(comparison, artifact, failure)
            for comparison, artifact, failure in zip(compared, maps["artifact"], maps["failure"], strict=True)
        ]

    def saliency(self, samples: Sequence[Sample], kind: Kind, checkpoint: Checkpoint) -> list[np.ndarray]:
        """(h, w) float32 in [0, 1] for each edit, of the size at which the model saw the edited picture."""
        branch = self._branches[kind]
        if branch.adapters is not None:
            branch.adapters.set_adapter(kind)
        found: list[np.ndarray] = []
        try:
            for start in range(0, len(samples), self._options.batch):
                found += self._decoded(branch, samples[start : start + self._options.batch], kind)
                checkpoint()
        except torch.OutOfMemoryError as error:
            raise MemoryError from error
        return found

    @torch.inference_mode()
    def _decoded(self, branch: Branch, samples: Sequence[Sample], kind: Kind) -> list[np.ndarray]:
        edits = [encode(branch.preprocessor, sample, kind) for sample in samples]
        batch = branch.preprocessor.collate(edits).to(self._device)
        seen = branch.reader.read(batch)
        maps = [
            in_frame(branch.decoder(each.tokens, each.grid, each.context).float().sigmoid(), size)
            for each, size in zip(seen, batch.sizes, strict=True)
        ]
        return [_stretched(each) if self._options.min_max else each.cpu().numpy() for each in maps]


def _stretched(saliency: Tensor) -> np.ndarray:
    low, high = saliency.min(), saliency.max()
    if high - low <= FLAT:
        return np.zeros(saliency.shape, np.float32)
    return ((saliency - low) / (high - low)).cpu().numpy()
