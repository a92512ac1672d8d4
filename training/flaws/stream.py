"""How is a record drawn? A photo, an ideal edit, no to five flaws, a rendering: all from one seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from editrefiner.contracts import FlawKind, FlawType
from training.flaws import generators
from training.flaws.annotation import box_of, saliency_map
from training.flaws.edits import EDITS, compound
from training.flaws.lab import distance
from training.flaws.photos import Photo, scene, shape_of
from training.flaws.record import FlawRecord
from training.flaws.rendering import render
from training.flaws.scene import Canvas, Flaw, Generator, IdealEdit, Painted, Random, Scene
from training.flaws.scores import nominal_scores, severity

FRAMES = ((320, 448), (448, 320), (384, 384))
"""Height and width of the pictures that are drawn, by the shape of the photograph."""
COUNTS = (0.2, 0.42, 0.2, 0.1, 0.05, 0.03)  # chance of 0, 1, ... 5 flaws
IDENTITY = 0.04  # of the records show a source that nobody edited
COMPOUND = 0.12  # of the instructions ask for two things
RENDERED = 0.8  # of the records are rendered anew
TRIES = 8  # to find a place for an edit or a flaw
MIN_PIXELS = 40  # of a flaw that somebody could see


@dataclass(frozen=True)
class FlawStream:
    """Records by number: `stream.record(i)` is the same on every machine, in any order."""

    photos: Sequence[Photo]
    seed: int
    use: Literal["seen", "unseen", "all"] = "seen"
    """Which generators of flaws: those of the training, those kept from it, or both."""
    flawless: float = COUNTS[0]
    """Share of records without a flaw."""
    only: FlawType | None = None
    """One flaw per record, of this type."""
    strength: tuple[float, float] = (0.1, 1.0)
    """Range from which the strength of a flaw is drawn."""

    def __iter__(self) -> Iterator[FlawRecord]:
        """Records without end."""
        index = 0
        while True:
            yield self.record(index)
            index += 1

    def record(self, index: int) -> FlawRecord:
        """The record of that number; draws again where a photograph has no place for an edit."""
        for attempt in range(50):
            rng = np.random.default_rng([self.seed, index, attempt])
            found = self._drawn(index, rng)
            if found is not None:
                return found
        raise RuntimeError(
            f"no photograph gave record {index} of seed {self.seed}: are there enough of them?"
        )

    def _drawn(self, index: int, rng: Random) -> FlawRecord | None:
        photo, second = (self.photos[int(i)] for i in rng.integers(len(self.photos), size=2))
        shape = _frame(photo)
        first, other = scene(photo, shape, rng), scene(second, shape, rng)
        wanted = sorted((self._flaw_type(rng) for _ in range(self._count(rng))), key=_painting_order)
        edit, name = self._edit(first, other, wanted, rng)
        if edit is None:
            return None
        picture, flaws = self._flawed(edit, other.picture, wanted, rng)
        if wanted and not flaws:
            return None
        return _finished(edit, name, picture, flaws, first.origin, (self.seed, index), rng)

    def _edit(
        self, first: Scene, other: Scene, wanted: list[FlawType], rng: Random
    ) -> tuple[IdealEdit | None, str]:
        """An ideal edit that the first of the wanted flaws can be shown on, with its maker's name."""
        if not wanted and rng.random() < IDENTITY / self.flawless:
            return _identity(first, other, rng), "identity"
        needing = next((flaw for flaw in wanted if flaw in generators.EDITS_FOR), None)
        likely = 0.5 if needing is FlawType.MISSING_EDIT else COMPOUND
        if (
            rng.random() < likely
            and needing is not FlawType.LEFTOVER
            and (edit := compound(first, other, rng))
        ):
            return edit, "compound"
        for _ in range(TRIES):
            name, maker = _chosen_edit(needing, rng)
            if edit := maker(first, other, rng):
                return edit, name
        return None, ""

    def _count(self, rng: Random) -> int:
        if self.only:
            return 1
        if rng.random() < self.flawless:
            return 0
        return 1 + int(rng.choice(5, p=np.array(COUNTS[1:]) / sum(COUNTS[1:])))

    def _flawed(
        self, edit: IdealEdit, other: np.ndarray, wanted: list[FlawType], rng: Random
    ) -> tuple[np.ndarray, list[tuple[Generator, float, Painted]]]:
        """The picture with the wanted flaws, or as many as found a place."""
        picture, taken = edit.ideal, np.zeros(edit.ideal.shape[:2], bool)
        painted: list[tuple[Generator, float, Painted]] = []
        for flaw_type in wanted:
            for _ in range(TRIES):
                generator = generators.choose(flaw_type, self.use, rng)
                strength = float(rng.uniform(*self.strength))
                flaw = generator.paint(Canvas(edit, picture, taken, other), strength, rng)
                if flaw is not None and flaw.mask.sum() >= MIN_PIXELS:
                    painted.append((generator, strength, flaw))
                    picture = flaw.picture
                    if flaw.mask.mean() < 0.9:
                        taken = taken | flaw.mask
                    break
        return picture, painted

    def _flaw_type(self, rng: Random) -> FlawType:
        return self.only or generators.choose_type(self.use, rng)


def _painting_order(flaw_type: FlawType) -> int:
    """What concerns the requested change comes first, the whole frame last."""
    first = (FlawType.MISSING_EDIT, FlawType.INCOMPLETE_EDIT, FlawType.WRONG_CONTENT, FlawType.LEFTOVER)
    if flaw_type in first:
        return 0
    if flaw_type is FlawType.GLOBAL_DRIFT:
        return 3
    return 1 if flaw_type.kind is FlawKind.EDITING_FAILURE else 2


def _chosen_edit(flaw: FlawType | None, rng: Random) -> tuple[str, generators.EditMaker]:
    """By weight, from all makers or from those that a type of flaw needs."""
    fitting = [entry for entry in EDITS if flaw and entry[0] in generators.EDITS_FOR.get(flaw, ())]
    menu = fitting or list(EDITS)
    weights = np.array([weight for _, weight, _ in menu])
    name, _, maker = menu[int(rng.choice(len(menu), p=weights / weights.sum()))]
    return name, maker


def _identity(first: Scene, other: Scene, rng: Random) -> IdealEdit | None:
    """An edit was asked for and nothing was done: there is nothing to repair, and nothing to mark."""
    for _ in range(TRIES):
        _, maker = _chosen_edit(None, rng)
        if edit := maker(first, other, rng):
            nowhere = np.zeros_like(edit.intended)
            return replace(edit, ideal=edit.source, intended=nowhere, content=None, wrong=None, parts=())
    return None


def _finished(
    edit: IdealEdit,
    name: str,
    picture: np.ndarray,
    painted: list[tuple[Generator, float, Painted]],
    origin: str,
    seed: tuple[int, int],
    rng: Random,
) -> FlawRecord:
    """Render the frame, move every mask along, and annotate."""
    rendered = render(picture, rng, float(rng.uniform(0.1, 1.0)) if rng.random() < RENDERED else 0.0)
    flaws = []
    for generator, strength, flaw in painted:
        mask = _moved(flaw.mask, rendered.matrix)
        thing = mask if flaw.thing is None else _moved(flaw.thing, rendered.matrix) | mask
        if mask.any():
            seen = visibility(flaw.picture, edit, flaw.mask, picture)
            flaws.append(
                Flaw(
                    generator.flaw_type,
                    generator.name,
                    mask,
                    box_of(thing),
                    strength,
                    seen,
                    flaw.description,
                )
            )
    shape = picture.shape[:2]
    kinds = FlawKind.ARTIFACT, FlawKind.EDITING_FAILURE
    maps = [saliency_map([f for f in flaws if f.flaw_type.kind is kind], shape, rng) for kind in kinds]
    return FlawRecord(
        source=edit.source,
        ideal=edit.ideal,
        edited=rendered.picture,
        instruction=edit.instruction,
        kind=edit.kind,
        intended=_moved(edit.intended, rendered.matrix),
        flaws=tuple(flaws),
        artifact_map=maps[0],
        failure_map=maps[1],
        scores=nominal_scores(flaws, edited=name != "identity"),
        rendering=rendered.description,
        edit=name,
        origin=origin,
        seed=seed,
    )


def visibility(flawed: np.ndarray, edit: IdealEdit, mask: np.ndarray, final: np.ndarray) -> float:
    """Severity in 0..1: how far the flaw is from the ideal (CIELAB, slightly smoothed), and how large it is.

    `final` is the picture with every flaw; a flaw that a later one hid is as severe as what is left of it.
    """
    apart = np.minimum(distance(flawed, edit.ideal), distance(final, edit.ideal) + 4)[mask]
    return severity(apart, float(mask.mean()))


def _moved(mask: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A mask of the unrendered picture in the rendered frame; `matrix` maps rendered to original pixels."""
    if np.allclose(matrix, np.eye(2, 3)):
        return mask
    if mask.all():
        return mask
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(mask.astype(np.float32), matrix, mask.shape[::-1], flags=flags) > 0.5


def _frame(photo: Photo) -> tuple[int, int]:
    height, width = shape_of(photo)
    ratio = np.log(width / height)
    return min(FRAMES, key=lambda shape: abs(ratio - np.log(shape[1] / shape[0])))
