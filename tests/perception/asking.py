"""How a test asks the agent: pictures in, the answer and its pictures out."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from editrefiner.contracts import ImageRef, PerceiveRequest, Perception
from services.perception.agent import FlawDetector, PerceptionAgent
from services.perception.backends import load_backend
from services.perception.settings import Settings


class Shelf:
    """Pictures in memory."""

    def __init__(self) -> None:
        self._kept: list[np.ndarray] = []

    def put_pixels(self, pixels: np.ndarray) -> ImageRef:
        assert pixels.dtype == np.uint8
        kept = pixels.copy()
        kept.flags.writeable = False
        self._kept.append(kept)
        return ImageRef(sha256=f"{len(self._kept) - 1:064x}", width=pixels.shape[1], height=pixels.shape[0])

    def pixels(self, ref: ImageRef) -> np.ndarray:
        return self._kept[int(ref.sha256, 16)]


@dataclass(frozen=True)
class Asked:
    """An answer with its pictures, (H, W) uint8 each."""

    answer: Perception
    artifact: np.ndarray
    failure: np.ndarray
    mask: np.ndarray
    intended: np.ndarray
    """All 0 where the answer names none."""
    region_masks: tuple[np.ndarray, ...]


@cache
def detector() -> FlawDetector:
    """The backend as the service loads it."""
    cv2.setNumThreads(1)
    return load_backend(Settings(backend="compact"))


def ask(
    source: np.ndarray,
    edited: np.ndarray,
    instruction: str,
    *,
    max_regions: int = 8,
    backend: FlawDetector | None = None,
) -> Asked:
    """What the agent says about one edit."""
    shelf = Shelf()
    request = PerceiveRequest(
        source=shelf.put_pixels(source),
        edited=shelf.put_pixels(edited),
        instruction=instruction,
        max_regions=max_regions,
    )
    answer = PerceptionAgent(backend or detector(), shelf).perceive(request)
    intended = answer.change.intended_mask
    return Asked(
        answer=answer,
        artifact=shelf.pixels(answer.artifact_map),
        failure=shelf.pixels(answer.failure_map),
        mask=shelf.pixels(answer.mask),
        intended=shelf.pixels(intended) if intended else np.zeros(edited.shape[:2], np.uint8),
        region_masks=tuple(shelf.pixels(region.mask) for region in answer.regions),
    )
