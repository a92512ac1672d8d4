"""How well does the detector find flaws of known truth? Maps, clean pairs, every flaw type; beside baselines.

python -m bench.perception_synthetic [--records 300] [--each 40] [--clean 200]

Photographs are those of the folders that training never saw. "seen" are the generators of flaws that it
was trained on, "unseen" those kept from it. Maps are compared over records whose label marks something and
not the whole frame. A flaw counts as detected when a region overlaps it (IoU >= 0.3) or the peak of the map
of its kind lies on it (grown by one annotation disk) and above threshold.
"""

import argparse
from collections import defaultdict
from dataclasses import replace

import cv2
import numpy as np

from bench.results_file import keep
from bench.saliency import METRICS, all_metrics
from bench.saliency_methods import BASELINES, FeatureDifference, Maps
from editrefiner.contracts import FlawKind, FlawType, Thresholds
from services.perception.agent import Finding, Sample, regions_of
from services.perception.backends.compact import CompactDetector
from services.perception.regions import Region
from training.flaws import generators
from training.flaws.annotation import DISK_RADIUS
from training.flaws.photos import photos
from training.flaws.record import FlawRecord
from training.flaws.scene import Flaw
from training.flaws.stream import FlawStream

SEED = 20_261
MARKED, EVERYTHING = (
    0.02,
    0.5,
)  # of a label: its peak below, or its darkest place above, says nothing of where
IOU = 0.3
MEDIUM = (0.45, 0.55)
MAX_REGIONS = 64
USES: tuple[generators.Use, ...] = ("seen", "unseen")
Rows = dict[str, dict[str, list[dict[str, float]]]]
"""method -> map -> metrics of each record"""


class Report:
    """Runs the detector as the service does."""

    def __init__(self) -> None:
        self._detector = CompactDetector()
        self._methods = {**BASELINES, "feature difference": FeatureDifference()}

    def maps(self, split: generators.Use, count: int) -> dict[str, dict[str, dict[str, float]]]:
        """Mean of each metric by method and map; how many records counted stands beside."""
        stream = FlawStream(photos("report"), SEED, use=split, flawless=0.0)
        rows: Rows = defaultdict(lambda: defaultdict(list))
        for index in range(count):
            record = stream.record(index)
            sample = Sample(record.source, record.edited, record.instruction)
            found = self._detector.detect(sample, lambda: None)
            _note(rows, "compact", full_size(found, record), record)
            for name, method in self._methods.items():
                _note(rows, name, method(sample), record)
        return {
            method: {kind: _means(values) for kind, values in by_kind.items()}
            for method, by_kind in rows.items()
        }

    def clean(self, count: int) -> dict[str, float]:
        """Share of clean pairs with any region, by what was done to the frame."""
        stream = FlawStream(photos("report"), SEED + 1, flawless=1.0)
        hits: dict[str, list[bool]] = defaultdict(list)
        for index in range(count):
            record = stream.record(index)
            hits["identity" if record.edit == "identity" else "flawless edits"].append(
                self._regions(record) > 0
            )
            again = replace(record, edited=record.edited, source=record.ideal)
            hits["whole-frame re-encoding"].append(self._regions(again) > 0)
        hits["all"] = [hit for values in list(hits.values()) for hit in values]
        return {name: float(np.mean(values)) for name, values in hits.items()} | {
            "pairs": float(len(hits["all"]))
        }

    def detected(self, each: int) -> dict[str, dict[str, float]]:
        """Share of flaws of medium strength that are detected, by type; generators seen and unseen apart."""
        table: dict[str, dict[str, float]] = {}
        for flaw_type in FlawType:
            row: dict[str, float] = {}
            for use in USES:
                if any(g.flaw_type is flaw_type for g in generators.usable(use)):
                    stream = FlawStream(photos("report"), SEED + 2, use=use, only=flaw_type, strength=MEDIUM)
                    row[use] = float(np.mean([self._hit(stream.record(i)) for i in range(each)]))
            table[flaw_type.value] = row
        return table

    def _regions(self, record: FlawRecord) -> int:
        found = self._detector.detect(Sample(record.source, record.edited, record.instruction), lambda: None)
        return len(self._found(found, record))

    def _found(self, found: Finding, record: FlawRecord) -> tuple[Region, ...]:
        size = record.edited.shape[:2]
        return regions_of(found, self._detector.thresholds, size=size, max_regions=MAX_REGIONS)

    def _hit(self, record: FlawRecord) -> bool:
        found = self._detector.detect(Sample(record.source, record.edited, record.instruction), lambda: None)
        flaw = record.flaws[0]
        if _pointed(full_size(found, record), flaw, self._detector.thresholds):
            return True
        for region in self._found(found, record):
            mask = np.zeros(flaw.mask.shape, bool)
            x0, y0, x1, y1 = region.bbox
            mask[y0:y1, x0:x1] = region.mask > 0
            if (mask & flaw.mask).sum() >= IOU * (mask | flaw.mask).sum():
                return True
        return False


def full_size(found: Finding, record: FlawRecord) -> Maps:
    """Both maps at the size of the picture."""
    size = record.edited.shape[1::-1]
    artifact, failure = (
        cv2.resize(m, size, interpolation=cv2.INTER_LINEAR) for m in (found.artifact, found.failure)
    )
    return artifact, failure


def _pointed(maps: Maps, flaw: Flaw, thresholds: Thresholds) -> bool:
    is_artifact = flaw.flaw_type.kind is FlawKind.ARTIFACT
    one = maps[0] if is_artifact else maps[1]
    limit = thresholds.artifact if is_artifact else thresholds.editing_failure
    radius = max(1, round(DISK_RADIUS * flaw.mask.shape[0]))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    near = cv2.dilate(flaw.mask.astype(np.uint8), disk) > 0
    return bool(one.max() >= limit and near.ravel()[int(np.argmax(one))])


def _note(rows: Rows, method: str, maps: Maps, record: FlawRecord) -> None:
    for kind, one, label in zip(
        ("artifact", "failure"), maps, (record.artifact_map, record.failure_map), strict=True
    ):
        if label.max() > MARKED and label.min() < EVERYTHING:
            rows[method][kind].append(all_metrics(one, label))


def _means(values: list[dict[str, float]]) -> dict[str, float]:
    return {m: float(np.nanmean([v[m] for v in values])) for m in METRICS} | {"records": float(len(values))}


def main() -> None:
    """Measure, print the tables, keep them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=300)
    parser.add_argument("--each", type=int, default=40)
    parser.add_argument("--clean", type=int, default=200)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    report = Report()
    figures: dict[str, object] = {}
    for split in USES:
        tables = report.maps(split, options.records)
        figures[f"{split} generators, unseen photos"] = tables
        for kind in ("artifact", "failure"):
            print(f"\n{split} generators, unseen photos: {kind} map")
            for method, by_kind in tables.items():
                row = by_kind[kind]
                print(
                    f"  {method:22}"
                    + "".join(f"{m} {row[m]:7.3f}  " for m in METRICS)
                    + f"({row['records']:.0f})"
                )
    figures["clean pairs with a region"] = report.clean(options.clean)
    print("\nclean pairs with a region:", figures["clean pairs with a region"])
    figures["detected at medium strength"] = detected = report.detected(options.each)
    for flaw_type, row in detected.items():
        print(f"  {flaw_type:22}" + "  ".join(f"{use} {share:.0%}" for use, share in row.items()))
    keep("perception_synthetic", figures)


if __name__ == "__main__":
    main()
