"""What does the detector mark on edits of real editors? Overlays, likeness to the change, painted masks.

python -m bench.perception_real [--count 120] [--save DIRECTORY]

No person has marked flaws on these pairs, so nothing here is accuracy. Per source repository: the share of
pairs with a region, the correlation of either map with everything that changed (a map that only repeats the
change would come near 1), and, where the editor's painted mask is known, how much of the map's mass lies
outside it.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from bench.planted import DATA
from bench.real_edits import triplets
from bench.results_file import keep
from bench.saliency import cc
from bench.saliency_methods import absolute_difference
from services.perception.agent import Finding, Sample, regions_of
from services.perception.backends.compact import CompactDetector
from services.perception.overlay import Outline, draw_overlay
from services.perception.regions import Region

MAX_REGIONS = 8
PAINTED = 128  # of a mask's gray values
FAINT = 0.05  # summed saliency below which a map marks nothing that could lie anywhere


def read(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert pixels is not None, path
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def measure(entry: dict, sample: Sample, found: Finding, regions: tuple[Region, ...]) -> dict[str, float]:
    """The figures of one pair."""
    size = sample.edited.shape[1::-1]
    artifact, failure = (cv2.resize(m, size) for m in (found.artifact, found.failure))
    changed = absolute_difference(sample)[0]
    row = {
        "with a region": float(bool(regions)),
        "artifact map to change, CC": cc(artifact, changed),
        "failure map to change, CC": cc(failure, changed),
    }
    if entry.get("mask"):
        mask = cv2.imread(str(DATA / "edits" / entry["mask"]), cv2.IMREAD_GRAYSCALE)
        assert mask is not None, entry["mask"]
        outside = cv2.resize(mask, size) < PAINTED
        for name, one in (("artifact", artifact), ("failure", failure)):
            if one.mean() * 100 > FAINT:
                row[f"{name} mass outside the painted mask"] = float(one[outside].sum() / one.sum())
                row[f"{name} region pixels outside the painted mask"] = _outside(regions, outside)
    return row


def _outside(regions: tuple[Region, ...], outside: np.ndarray) -> float:
    whole = np.zeros(outside.shape, bool)
    for region in regions:
        x0, y0, x1, y1 = region.bbox
        whole[y0:y1, x0:x1] |= region.mask > 0
    return float((whole & outside).sum() / whole.sum()) if whole.any() else float("nan")


def overlay(sample: Sample, found: Finding, regions: tuple[Region, ...]) -> np.ndarray:
    """Source, edit and overlay side by side."""
    size = sample.edited.shape[1::-1]
    artifact, failure = (
        np.rint(255 * cv2.resize(m, size)).astype(np.uint8) for m in (found.artifact, found.failure)
    )
    outlines = [Outline(f"r{i}", r.kind, r.bbox, r.mask) for i, r in enumerate(regions, start=1)]
    drawn = draw_overlay(sample.edited, artifact, failure, outlines)
    height = drawn.shape[0]
    pictures = [
        cv2.resize(p, (round(p.shape[1] * height / p.shape[0]), height))
        for p in (sample.source, sample.edited)
    ]
    return np.hstack([*pictures, drawn])


def main() -> None:
    """Look at triplets of every repository in turn."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    detector = CompactDetector()
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    for entry in triplets(options.count):
        source, edited = (read(DATA / "edits" / entry[name]) for name in ("source", "edited"))
        sample = Sample(source, edited, entry["instruction"])
        found = detector.detect(sample, lambda: None)
        size = sample.edited.shape[:2]
        regions = regions_of(found, detector.thresholds, size=size, max_regions=MAX_REGIONS)
        rows[entry["id"].rsplit("-", 1)[0]].append(measure(entry, sample, found, regions))
        if options.save:
            options.save.mkdir(parents=True, exist_ok=True)
            drawn = cv2.cvtColor(overlay(sample, found, regions), cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(options.save / f"{entry['id']}.png"), drawn)
    figures = {source: _summary(values) for source, values in rows.items()}
    figures["all"] = _summary([value for values in rows.values() for value in values])
    for source, row in figures.items():
        print(f"{source:20}" + "  ".join(f"{name} {value:.2f}" for name, value in row.items()))
    keep("perception_real", figures)


def _summary(rows: list[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for row in rows for name in row)
    means = {}
    for name in names:
        values = [row[name] for row in rows if name in row and not np.isnan(row[name])]
        if values:
            means[name] = float(np.mean(values))
    return {"pairs": float(len(rows))} | means


if __name__ == "__main__":
    main()
