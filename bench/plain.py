"""What is the loop without plumbing? The same agents and rules in one process, called as functions."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from editrefiner.contracts import (
    DiagnoseRequest,
    EditRequest,
    ImageRef,
    PerceiveRequest,
    RankRequest,
    RefinementParameters,
    RequestModel,
    ScoreRequest,
    StepKind,
    WireModel,
)
from orchestrator.jobs import CommittedStep, Finish, JobInputs
from orchestrator.loop import next_step

REQUESTS: dict[StepKind, type[RequestModel]] = {
    StepKind.SCORE: ScoreRequest,
    StepKind.PERCEIVE: PerceiveRequest,
    StepKind.DIAGNOSE: DiagnoseRequest,
    StepKind.EDIT: EditRequest,
    StepKind.RANK: RankRequest,
}
Call = Callable[[Any, Callable[[], None]], WireModel]
"""An agent's verb as a plain function of its request and of what to call between its stages."""


class MemoryPictures:
    """Pictures in a dictionary: no encoding, no disk, a counter for a name."""

    def __init__(self) -> None:
        self._pixels: dict[str, np.ndarray] = {}

    def put_pixels(self, pixels: np.ndarray) -> ImageRef:
        """Keep an array under a new name."""
        name = f"{len(self._pixels):064x}"
        self._pixels[name] = pixels
        return ImageRef(sha256=name, width=pixels.shape[1], height=pixels.shape[0])

    def pixels(self, ref: ImageRef | str) -> np.ndarray:
        """The array kept under that name, as RGB."""
        found = self._found(ref)
        return found if found.ndim == 3 else np.repeat(found[..., None], 3, axis=2)

    def gray(self, ref: ImageRef | str) -> np.ndarray:
        """The array kept under that name, as one channel."""
        found = self._found(ref)
        return found if found.ndim == 2 else found[..., 0]

    def _found(self, ref: ImageRef | str) -> np.ndarray:
        return self._pixels[ref.removeprefix("sha256:") if isinstance(ref, str) else ref.sha256]


def refine_plainly(
    calls: dict[StepKind, Call],
    pictures: MemoryPictures,
    source: np.ndarray,
    edited: np.ndarray,
    instruction: str,
    parameters: RefinementParameters,
) -> tuple[Finish, list[CommittedStep], dict[str, float]]:
    """Run the loop to its end; returns its result, its steps and the seconds of each agent."""
    inputs = JobInputs(
        source=pictures.put_pixels(source),
        edited=pictures.put_pixels(edited),
        edited_alpha=None,
        instruction=instruction,
        parameters=parameters,
    )
    steps: list[CommittedStep] = []
    seconds: dict[str, float] = defaultdict(float)
    while True:
        step = next_step(inputs, steps)
        if isinstance(step, Finish):
            return step, steps, seconds
        request = REQUESTS[step.kind].model_validate(step.request)
        start = time.perf_counter()
        answer = calls[step.kind](request, lambda: None)
        took = time.perf_counter() - start
        seconds[step.kind.agent] += took
        result = answer.model_dump(mode="json")
        steps.append(CommittedStep(len(steps), step.kind, step.iteration, step.request, result, took))
