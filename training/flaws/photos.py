"""Which photographs are there, and for what may each be used? Split by the folder they come from."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from training.flaws.scene import Random, Scene, Segment
from training.flaws.segments import automatic_segments, labelled_segments

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
"""Photographs and label maps live beside the checkout."""
TRAINING_FOLDERS = frozenset({"bsds500", "imagenet_sample"})
"""Every other folder is for the report and never trained on."""
VALIDATION_SHARE = 0.1  # of the photographs of the training folders: for early stopping and thresholds
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})

Split = Literal["training", "validation", "report"]


@dataclass(frozen=True)
class Photo:
    """A photograph with its segments, read when asked for."""

    path: Path
    labels_path: Path | None = None
    categories: dict[int, str] = field(default_factory=dict, hash=False)
    """Name of each label; empty where nobody named the segments."""
    subject: str = ""
    """What the picture is of, where its name says so."""

    @property
    def name(self) -> str:
        """Folder and file name."""
        return f"{self.path.parent.name}/{self.path.stem}"

    def pixels(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        return cv2.cvtColor(read_picture(self.path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

    def labels(self) -> np.ndarray | None:
        """(H, W) uint8, 0 = none; None where there is no map."""
        return None if self.labels_path is None else read_picture(self.labels_path, cv2.IMREAD_GRAYSCALE)


def catalogue(data: Path = DATA) -> Iterator[Photo]:
    """Every photograph of the manifest, in its order."""
    names = {
        entry["photo"]: {segment["label"]: segment["category"] for segment in entry["segments"]}
        for entry in read_lines(data / "masks" / "coco" / "segments.jsonl")
    }
    for entry in read_lines(data / "photos" / "manifest.jsonl"):
        path = data / "photos" / entry["file"]
        labels = data / "masks" / Path(entry["file"]).with_suffix(".png")
        categories = names.get(f"photos/{entry['file']}", {})
        subject = path.stem.rsplit("_", 1)[0] if path.parent.name == "imagenet_sample" else ""
        yield Photo(path, labels if labels.exists() else None, categories, subject.replace("_", " "))


def photos(split: Split, data: Path = DATA) -> list[Photo]:
    """The photographs of a split in a fixed, mixed order."""
    return mixed([photo for photo in catalogue(data) if _split(photo.path) == split])


def folder_photos(folder: Path) -> list[Photo]:
    """Every photograph below a folder that somebody names, in a fixed, mixed order."""
    found = [Photo(path) for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise FileNotFoundError(f"no {', '.join(sorted(SUFFIXES))} below {folder}")
    return mixed(found)


def scene(photo: Photo, shape: tuple[int, int], rng: Random) -> Scene:
    """A random crop of a photograph with its segments, resized to `shape` (height, width)."""
    picture, segments = _prepared(photo)
    height, width = picture.shape[:2]
    scale = min(height / shape[0], width / shape[1]) * rng.uniform(0.8, 1.0)
    h, w = max(8, round(shape[0] * scale)), max(8, round(shape[1] * scale))
    y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    window = (slice(y, y + h), slice(x, x + w))
    how = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
    crop = cv2.resize(np.ascontiguousarray(picture[window]), shape[::-1], interpolation=how)
    parts = []
    for segment in segments:
        part = cv2.resize(segment.mask[window].astype(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST)
        parts.append(Segment(segment.name, part > 0, segment.is_thing))
    crop.flags.writeable = False
    kept = [part for part in parts if 0.002 < part.mask.mean() < 0.9]
    return Scene(crop, tuple(sorted(kept, key=lambda part: -int(part.mask.sum()))), photo.name)


def shape_of(photo: Photo) -> tuple[int, int]:
    """Height and width of a photograph."""
    height, width = _prepared(photo)[0].shape[:2]
    return height, width


@lru_cache(maxsize=1500)
def _prepared(photo: Photo) -> tuple[np.ndarray, tuple[Segment, ...]]:
    pixels = photo.pixels()
    labels = photo.labels()
    if labels is None:
        return pixels, automatic_segments(pixels, photo.subject)
    return pixels, labelled_segments(labels, {k: spoken(v) for k, v in photo.categories.items()})


def spoken(category: str) -> str:
    """A category of COCO as people say it: `wall-other-merged` -> `wall`."""
    return re.sub(r"-(merged|other|stuff|concrete|brick|stone|tile|wood|panel|blind).*", "", category)


def _split(path: Path) -> Split:
    if path.parent.name not in TRAINING_FOLDERS:
        return "report"
    file = f"{path.parent.name}/{path.name}"  # as the manifest names it
    place = np.random.default_rng([len(file), *file.encode()]).random()
    return "validation" if place < VALIDATION_SHARE else "training"


def mixed(found: list[Photo]) -> list[Photo]:
    """In an order by chance that is always the same."""
    return [found[i] for i in np.random.default_rng(2026).permutation(len(found))]


def read_picture(path: Path, mode: int) -> np.ndarray:
    """As OpenCV reads it in that mode; raises FileNotFoundError where there is no picture."""
    pixels = cv2.imread(str(path), mode)
    if pixels is None:
        raise FileNotFoundError(f"no readable picture at {path}")
    return pixels


def read_lines(path: Path) -> Iterator[dict]:
    """The objects of a JSON Lines file."""
    with path.open() as lines:
        yield from map(json.loads, lines)
