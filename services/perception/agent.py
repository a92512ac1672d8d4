"""Where did the edit go wrong? Turns a sample into maps, regions and what is known about the change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import cv2
import numpy as np

from editrefiner.contracts import (
    BackendInfo,
    ChangeScope,
    ChangeSummary,
    EditKind,
    FlawRegion,
    ImageInput,
    ImageRef,
    PerceiveRequest,
    Perception,
    ProblemCode,
    ProblemError,
    Registration,
    Thresholds,
)
from services.perception.regions import Region, find_regions, union_mask

Checkpoint = Callable[[], None]
"""Called between stages; raises when the run is canceled or out of time."""


class ImagesMismatchedError(ProblemError):
    """The two pictures cannot show the same frame."""

    code: ClassVar[ProblemCode] = ProblemCode.IMAGES_MISMATCHED
    status: ClassVar[int] = 422


@dataclass(frozen=True)
class Sample:
    """An edit in pixels; the two pictures may differ in size."""

    source: np.ndarray
    """(H, W, 3) uint8 sRGB."""
    edited: np.ndarray
    """(H, W, 3) uint8 sRGB: the frame of every answer."""
    instruction: str


@dataclass(frozen=True)
class Finding:
    """What a detector sees. Maps cover the frame of `edited`, at its size or smaller."""

    artifact: np.ndarray
    """(h, w) float32 in [0, 1], on one scale for all pictures: looks wrong."""
    failure: np.ndarray
    """(h, w) float32 in [0, 1]: is not what was asked for."""
    intended: np.ndarray
    """(h, w) bool: the change that was asked for."""
    changed_fraction: float
    scope: ChangeScope
    edit_kind: EditKind
    registration: Registration
    extent: np.ndarray | None = None
    """(h, w) bool: what certainly changed without being asked to; regions on it are cut to it."""


class FlawDetector(Protocol):
    """What the agent needs of a backend."""

    backend: BackendInfo
    thresholds: Thresholds

    def detect(self, sample: Sample, checkpoint: Checkpoint) -> Finding:
        """Two absolute saliency maps and how the pictures relate; raises ImagesMismatchedError."""
        ...


@runtime_checkable
class BatchDetector(FlawDetector, Protocol):
    """A detector that gains by looking at several edits at once."""

    def detect_batch(self, samples: Sequence[Sample], checkpoint: Checkpoint) -> list[Finding]:
        """What `detect` would find in each, in order."""
        ...


class Pictures(Protocol):
    """What the agent needs of an artifact store."""

    def pixels(self, ref: ImageRef) -> np.ndarray:
        """(H, W, 3) uint8 sRGB, read-only."""
        ...

    def put_pixels(self, pixels: np.ndarray) -> ImageRef:
        """Keep a picture, (H, W) or (H, W, 3) uint8."""
        ...


class PerceptionAgent:
    """Perceives flaws with one detector; keeps every picture it makes in the store."""

    def __init__(self, detector: FlawDetector, pictures: Pictures) -> None:
        self._detector = detector
        self._pictures = pictures

    @property
    def backend(self) -> BackendInfo:
        """The detector behind the answers."""
        return self._detector.backend

    @property
    def thresholds(self) -> Thresholds:
        """Where the detector cuts."""
        return self._detector.thresholds

    def warm_up(self) -> None:
        """One real run on a made-up pair."""
        ramp = np.tile(np.arange(256, dtype=np.uint8), (192, 1))
        source = np.stack([ramp, ramp[:, ::-1], ramp], axis=-1)
        edited = source.copy()
        edited[60:120, 80:160] = 255 - edited[60:120, 80:160]
        sample = Sample(source, edited, "Make the left half red")
        finding = self._detector.detect(sample, lambda: None)
        self._regions(finding, edited.shape[:2], 8)

    def perceive(self, request: PerceiveRequest, checkpoint: Checkpoint = lambda: None) -> Perception:
        """Maps, regions and the change summary of one edit."""
        sample = self._sample(request)
        checkpoint()
        finding = self._detector.detect(sample, checkpoint)
        return self._perception(request, sample, finding, checkpoint)

    def perceive_together(
        self, requests: Sequence[PerceiveRequest], checkpoint: Checkpoint = lambda: None
    ) -> list[Perception]:
        """The same for several edits; at once where the detector can."""
        samples = [self._sample(request) for request in requests]
        checkpoint()
        if isinstance(self._detector, BatchDetector):
            findings = self._detector.detect_batch(samples, checkpoint)
        else:
            findings = [self._detector.detect(sample, checkpoint) for sample in samples]
        return [
            self._perception(request, sample, finding, checkpoint)
            for request, sample, finding in zip(requests, samples, findings, strict=True)
        ]

    def _sample(self, request: PerceiveRequest) -> Sample:
        return Sample(
            source=self._pictures.pixels(_reference(request.source)),
            edited=self._pictures.pixels(_reference(request.edited)),
            instruction=request.instruction,
        )

    def _perception(
        self, request: PerceiveRequest, sample: Sample, finding: Finding, checkpoint: Checkpoint
    ) -> Perception:
        size = sample.edited.shape[:2]
        regions = self._regions(finding, size, request.max_regions)
        checkpoint()
        return Perception(
            artifact_map=self._keep_map(finding.artifact, size),
            failure_map=self._keep_map(finding.failure, size),
            mask=self._pictures.put_pixels(union_mask(regions, size)),
            regions=tuple(self._answer(f"r{i}", region) for i, region in enumerate(regions, start=1)),
            thresholds=self._detector.thresholds,
            registration=finding.registration,
            change=self._summary(finding, size),
            backend=self.backend,
        )

    def _regions(self, finding: Finding, size: tuple[int, int], max_regions: int) -> tuple[Region, ...]:
        return regions_of(finding, self._detector.thresholds, size=size, max_regions=max_regions)

    def _answer(self, name: str, region: Region) -> FlawRegion:
        return FlawRegion(
            id=name,
            kind=region.kind,
            bbox=region.bbox,
            area=region.area,
            mean_saliency=region.mean_saliency,
            peak_saliency=region.peak_saliency,
            mask=self._pictures.put_pixels(region.mask),
        )

    def _summary(self, finding: Finding, size: tuple[int, int]) -> ChangeSummary:
        intended = finding.intended
        kept = self._keep_map(intended.astype(np.float32), size, hard=True) if intended.any() else None
        return ChangeSummary(
            scope=finding.scope,
            edit_kind=finding.edit_kind,
            changed_fraction=finding.changed_fraction,
            intended_mask=kept,
        )

    def _keep_map(self, values: np.ndarray, size: tuple[int, int], *, hard: bool = False) -> ImageRef:
        """Store a map in [0, 1] as 8 bits at full size; `hard` makes it 0 or 255."""
        levels = np.rint(255 * values).astype(np.uint8)
        if levels.shape != size:
            levels = cv2.resize(levels, size[::-1], interpolation=cv2.INTER_LINEAR)
        if hard:
            levels = np.where(levels >= 128, 255, 0).astype(np.uint8)
        return self._pictures.put_pixels(levels)


def regions_of(
    finding: Finding, thresholds: Thresholds, *, size: tuple[int, int], max_regions: int
) -> tuple[Region, ...]:
    """The flaw regions of a finding in the frame of `size` (height, width)."""
    return find_regions(
        finding.artifact,
        finding.failure,
        thresholds,
        size=size,
        max_regions=max_regions,
        extent=finding.extent,
        intended=_fitted(finding.intended, finding.artifact.shape),
    )


def _fitted(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A mask at the size of the maps, which a detector may give at another than its measures."""
    if mask.shape == shape:
        return mask
    return cv2.resize(mask.astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST) > 0


def _reference(image: ImageInput) -> ImageRef:
    """Image fields arrive as references: whoever calls the agent resolves the other forms first."""
    if not isinstance(image, ImageRef):
        raise TypeError(f"expected a resolved image reference, got {type(image).__name__}")
    return image
