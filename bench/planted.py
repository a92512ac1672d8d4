"""Which edits have a known truth? Instructed edits of real photos, alone or with one local flaw planted."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from bench import planted_flaws
from bench.planted_flaws import FLAWS, Flaw
from training.flaws.photos import DATA, TRAINING_FOLDERS, Photo, catalogue, mixed
from training.flaws.segments import largest_blob

__all__ = [
    "DATA",
    "FLAWS",
    "Flaw",
    "Photo",
    "PlantedPair",
    "clean_recolor_pair",
    "clean_tone_pair",
    "identity_pair",
    "photos",
    "planted_pair",
    "segments_of",
]

PairKind = Literal["identity", "tone", "recolor"]
TONES = {
    "Make the photo warmer.": "warm",
    "Give the whole picture a cooler tone.": "cool",
    "Brighten the photo.": "bright",
    "Make the picture darker.": "dark",
}
RECOLOR_WORDINGS = (
    "Change the colour of the {name} to {color}.",
    "Make the {name} {color}.",
    "Turn the {name} {color}.",
)


@dataclass(frozen=True)
class PlantedPair:
    """A source, what an editor should have made of it, and what it did."""

    source: np.ndarray
    ideal: np.ndarray
    """The instructed edit without a flaw: what a perfect repair of `edited` gives."""
    edited: np.ndarray
    instruction: str
    flaw_mask: np.ndarray
    """(H, W) bool; all False for a clean pair."""
    flaw: Flaw | None
    kind: PairKind
    intended_mask: np.ndarray
    """(H, W) bool: where the instructed change is."""


def photos(split: Literal["dev", "report"], data: Path = DATA, *, labelled: bool = True) -> list[Photo]:
    """The photographs of a split in a fixed, mixed order; `labelled` keeps those with segments only."""
    return mixed(
        [
            photo
            for photo in catalogue(data)
            if (photo.path.parent.name in TRAINING_FOLDERS) == (split == "dev")
            and (photo.labels_path is not None or not labelled)
        ]
    )


def segments_of(photo: Photo) -> dict[int, np.ndarray]:
    """Label -> (H, W) bool, for the segments that are one blob and not tiny."""
    labels = photo.labels()
    if labels is None:
        return {}
    masks = {int(label): largest_blob(labels == label) for label in np.unique(labels) if label}
    return {label: mask for label, mask in masks.items() if mask.mean() > 0.003}


def planted_pair(photo: Photo, flaw: Flaw, seed: int, other: np.ndarray | None = None) -> PlantedPair | None:
    """An instructed edit with one flaw elsewhere; None where the photo has no fitting place for it.

    `other` is a second photograph for `foreign_block`; without it the block comes from this one.
    """
    rng = np.random.default_rng([seed, FLAWS.index(flaw)])
    source = photo.pixels()
    segments = segments_of(photo)
    edit = _recolor_edit(source, photo, segments, rng) if rng.random() < 0.6 else None
    ideal, instruction, intended, kind = edit or _tone_edit(source, rng)
    near = cv2.dilate(intended.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    free = ~near if kind == "recolor" else np.ones_like(intended)
    bystanders = [mask for mask in segments.values() if free[mask].mean() > 0.97]
    painted = _paint(flaw, ideal, free, bystanders, rng, other, asked=instruction)
    if painted is None:
        return None
    flawed, mask = painted
    quality = int(rng.integers(92, 98))
    return PlantedPair(
        source=source,
        ideal=_reencoded(ideal, quality),
        edited=_reencoded(flawed, quality),
        instruction=instruction,
        flaw_mask=mask,
        flaw=flaw,
        kind=kind,
        intended_mask=intended,
    )


def identity_pair(photo: Photo, seed: int) -> PlantedPair:
    """An edit was asked for and nothing was done; every second one is at least encoded anew."""
    rng = np.random.default_rng([seed, 101])
    source = photo.pixels()
    edit = _recolor_edit(source, photo, segments_of(photo), rng) or _tone_edit(source, rng)
    edited = _reencoded(source, int(rng.integers(92, 98))) if rng.random() < 0.5 else source.copy()
    return _clean(source, edited, edit[1], np.zeros(source.shape[:2], bool), "identity")


def clean_tone_pair(photo: Photo, seed: int) -> PlantedPair:
    """The tone of the whole picture is changed as asked, and nothing else."""
    rng = np.random.default_rng([seed, 102])
    source = photo.pixels()
    edited, instruction, intended, kind = _tone_edit(source, rng)
    return _clean(source, _reencoded(edited, int(rng.integers(92, 98))), instruction, intended, kind)


def clean_recolor_pair(photo: Photo, seed: int) -> PlantedPair | None:
    """One segment takes the colour asked for, and nothing else; None where no segment can show it."""
    rng = np.random.default_rng([seed, 103])
    source = photo.pixels()
    edit = _recolor_edit(source, photo, segments_of(photo), rng)
    if edit is None:
        return None
    edited, instruction, intended, kind = edit
    return _clean(source, _reencoded(edited, int(rng.integers(92, 98))), instruction, intended, kind)


Edit = tuple[np.ndarray, str, np.ndarray, PairKind]
"""Edited picture, instruction, (H, W) bool of the intended change, kind."""


def _recolor_edit(
    source: np.ndarray, photo: Photo, segments: dict[int, np.ndarray], rng: np.random.Generator
) -> Edit | None:
    for label in rng.permutation(sorted(segments)):
        mask = segments[int(label)]
        if 0.015 <= mask.mean() <= 0.35 and (color := planted_flaws.far_color(source, mask, rng)):
            name = re.sub(r"-(merged|other|stuff).*", "", photo.categories.get(int(label), "object"))
            wording = str(rng.choice(RECOLOR_WORDINGS))
            edited = planted_flaws.recolored(source, mask, color)
            return edited, wording.format(name=name, color=color), mask, "recolor"
    return None


def _tone_edit(source: np.ndarray, rng: np.random.Generator) -> Edit:
    instruction = str(rng.choice(list(TONES)))
    strength = rng.uniform(0.6, 1.0)
    unit = source.astype(np.float32) / 255
    match TONES[instruction]:
        case "warm":
            edited = unit * (1 + strength * np.array([0.14, 0.02, -0.2], np.float32))
        case "cool":
            edited = unit * (1 + strength * np.array([-0.16, -0.02, 0.12], np.float32))
        case "bright":
            edited = unit ** (1 - 0.35 * strength)
        case _:
            edited = unit ** (1 + 0.5 * strength)
    pixels = np.rint(np.clip(edited, 0, 1) * 255).astype(np.uint8)
    return pixels, instruction, np.ones(source.shape[:2], bool), "tone"


def _paint(
    flaw: Flaw,
    picture: np.ndarray,
    free: np.ndarray,
    bystanders: list[np.ndarray],
    rng: np.random.Generator,
    other: np.ndarray | None,
    asked: str,
) -> planted_flaws.Planted | None:
    match flaw:
        case "blurred_patch":
            return planted_flaws.blurred_patch(picture, free, rng)
        case "color_cast":
            return planted_flaws.color_cast(picture, free, rng)
        case "foreign_block":
            return planted_flaws.foreign_block(picture, free, rng, picture if other is None else other)
        case "recolored_bystander":
            return planted_flaws.recolored_bystander(picture, bystanders, rng, asked)
        case "erased_bystander":
            return planted_flaws.erased_bystander(picture, bystanders, rng)


def _clean(
    source: np.ndarray, edited: np.ndarray, instruction: str, intended: np.ndarray, kind: PairKind
) -> PlantedPair:
    nothing = np.zeros(source.shape[:2], bool)
    return PlantedPair(source, edited, edited, instruction, nothing, None, kind, intended)


def _reencoded(picture: np.ndarray, quality: int) -> np.ndarray:
    """The picture after the JPEG encoder that real editors put at their end."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None  # these bytes were encoded one line above
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
