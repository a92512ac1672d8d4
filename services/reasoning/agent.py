"""What is wrong there, and why? The reasoning agent: one diagnosis per region, from a backend."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from editrefiner.contracts import (
    BackendInfo,
    DiagnoseRequest,
    Diagnosis,
    FlawDiagnosis,
    FlawKind,
    ImageRef,
    ProblemCode,
    ProblemError,
    Registration,
)
from editrefiner.regions import MarkedRegion, full_mask, read_regions

Checkpoint = Callable[[], None]
"""Called between regions; raises when the run is canceled or out of time."""


class DiagnosisIncompleteError(ProblemError):
    """A backend did not answer for every region: "I could not tell" must not look like "nothing is wrong"."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED
    retryable: ClassVar[bool] = True


@dataclass(frozen=True)
class Sample:
    """An edit in pixels and how its two pictures relate."""

    source: np.ndarray
    """(H, W, 3) uint8 sRGB; may differ in size from `edited`."""
    edited: np.ndarray
    """(H, W, 3) uint8 sRGB: the frame of the regions."""
    instruction: str
    registration: Registration
    intended: np.ndarray | None
    """(H, W) uint8, 255 where the change is the requested one; None when nobody said."""


@dataclass(frozen=True)
class Findings:
    """What a backend says."""

    flaws: tuple[FlawDiagnosis, ...]
    """One per region, in order."""
    summary: str


class Diagnostician(Protocol):
    """What the agent needs of a backend."""

    backend: BackendInfo

    def diagnose(self, sample: Sample, targets: Sequence[MarkedRegion], checkpoint: Checkpoint) -> Findings:
        """Explain every region."""
        ...


class Pictures(Protocol):
    """What the agent needs of an artifact store."""

    def pixels(self, ref: ImageRef) -> np.ndarray:
        """(H, W, 3) uint8 sRGB, read-only."""
        ...

    def gray(self, ref: ImageRef) -> np.ndarray:
        """(H, W) uint8, read-only."""
        ...


class ReasoningAgent:
    """Explains regions with one diagnostician."""

    def __init__(self, diagnostician: Diagnostician, pictures: Pictures) -> None:
        self._diagnostician = diagnostician
        self._pictures = pictures

    @property
    def backend(self) -> BackendInfo:
        """The diagnostician behind the answers."""
        return self._diagnostician.backend

    def warm_up(self) -> None:
        """One real run on a made-up pair."""
        source = np.tile(np.arange(128, dtype=np.uint8)[None, :, None], (128, 1, 3))
        edited = source.copy()
        edited[32:64, 32:64, 0] = 200
        target = MarkedRegion(
            "r1", FlawKind.ARTIFACT, (32, 32, 64, 64), np.full((32, 32), 255, np.uint8), 1.0
        )
        sample = Sample(source, edited, "Make it warmer", Registration(), None)
        self._diagnostician.diagnose(sample, [target], lambda: None)

    def diagnose(self, request: DiagnoseRequest, checkpoint: Checkpoint = lambda: None) -> Diagnosis:
        """One entry per region of the request, in that order."""
        assert isinstance(request.source, ImageRef), (
            "the service resolves image fields before it runs an agent"
        )
        assert isinstance(request.edited, ImageRef)
        edited = self._pictures.pixels(request.edited)
        height, width = edited.shape[:2]
        targets = read_regions(request.regions, request.mask, (width, height), self._pictures.gray)
        sample = Sample(
            source=self._pictures.pixels(request.source),
            edited=edited,
            instruction=request.instruction,
            registration=request.registration or Registration(),
            intended=self._intended(request, (width, height)),
        )
        checkpoint()
        findings = self._diagnostician.diagnose(sample, targets, checkpoint)
        asked, answered = [target.id for target in targets], [flaw.region_id for flaw in findings.flaws]
        if asked != answered:
            raise DiagnosisIncompleteError(
                f"the {self.backend.name} backend was asked about regions {asked} and answered for {answered}"
            )
        return Diagnosis(flaws=findings.flaws, summary=findings.summary, backend=self.backend)

    def _intended(self, request: DiagnoseRequest, size: tuple[int, int]) -> np.ndarray | None:
        if request.change is None or request.change.intended_mask is None:
            return None
        ref = request.change.intended_mask
        return full_mask(ref, size, self._pictures.gray, "change.intended_mask")
