"""Editors that no one should trust: what the agent must survive."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from editrefiner.contracts import BackendInfo, Operation, fingerprint
from services.action.agent import Repair
from services.action.context import RegionContext

TINT = np.array([9, -4, 2])
Answer = Callable[[RegionContext], Any]


class Adversary:
    """Answers whatever `answer` makes of a region, and remembers what it was asked."""

    def __init__(self, answer: Answer, *operations: Operation) -> None:
        self._answer = answer
        self.operations = frozenset(operations or set(Operation) - {Operation.LEAVE})
        self.info = BackendInfo(name="adversary", version="1", digest=fingerprint("adversary"))
        self.asked: list[RegionContext] = []

    def repair(self, region: RegionContext, checkpoint: Callable[[], None]) -> Repair | None:
        self.asked.append(region)
        return Repair(self._answer(region))


def noise(region: RegionContext) -> np.ndarray:
    """Noise in the mask and outside."""
    return np.random.default_rng(region.seed).integers(0, 256, region.edited.shape, np.uint8)


def noise_in_the_mask(region: RegionContext) -> np.ndarray:
    """What an honest editor might do: only the mask changes."""
    pixels = region.edited.copy()
    inside = region.mask > 0
    pixels[inside] = noise(region)[inside]
    return pixels


def inverted(region: RegionContext) -> np.ndarray:
    """Every pixel changes."""
    return 255 - region.edited


def tinted(region: RegionContext) -> np.ndarray:
    """Every pixel changes a little."""
    return np.clip(region.edited.astype(np.int16) + TINT, 0, 255).astype(np.uint8)


def shifted(region: RegionContext) -> np.ndarray:
    """The whole crop slips."""
    return np.roll(region.edited, (1, 2), (0, 1))


def larger(region: RegionContext) -> np.ndarray:
    """Twice the size, as editors with a grid of their own give back."""
    return region.edited.repeat(2, 0).repeat(2, 1)


def written_in_place(region: RegionContext) -> np.ndarray:
    """The crop itself, painted over where that is possible."""
    if region.edited.flags.writeable:
        region.edited[:] = 255 - region.edited
    return region.edited


def loosened_mask(region: RegionContext) -> np.ndarray:
    """All the crop is declared mask, after the fact."""
    region.mask[:] = 255
    region.trusted[:] = False
    return inverted(region)


USABLE: Mapping[str, Answer] = {
    answer.__name__: answer
    for answer in (
        noise,
        noise_in_the_mask,
        inverted,
        tinted,
        shifted,
        larger,
        written_in_place,
        loosened_mask,
    )
}
"""Pictures with the wrong content: they become a candidate or a clear refusal, never a damaged picture."""

UNUSABLE: Mapping[str, Answer] = {
    "None": lambda _: None,
    "list": lambda region: region.edited.tolist(),
    "float": lambda region: region.edited.astype(np.float32),
    "float64": lambda region: np.full(region.edited.shape, np.nan),
    "gray": lambda region: region.edited[..., 0],
    "int16": lambda region: region.edited.astype(np.int16),
    "no pixels": lambda region: region.edited[:0],
    "another shape": lambda region: region.edited.repeat(3, 0),
    "rgba": lambda region: np.dstack([region.edited, region.mask]),
}
"""Answers that are no picture of the crop."""
