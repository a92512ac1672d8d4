"""Does reasoning name planted flaws rightly? Flaw type given the true region, on photos nobody tuned on.

python -m bench.reasoning_planted [--pairs 30] [--split report]
"""

import argparse
from collections import Counter

import cv2
import numpy as np

from bench.planted import FLAWS, Flaw, PlantedPair, photos, planted_pair
from bench.results_file import keep
from editrefiner.contracts import FlawDiagnosis, FlawKind, FlawType
from editrefiner.regions import MarkedRegion
from services.perception.agent import Sample as Edit
from services.perception.backends import load_backend as load_detector
from services.perception.settings import Settings as PerceptionSettings
from services.reasoning.agent import Sample
from services.reasoning.backends.compact import CompactDiagnostician

RIGHT: dict[Flaw, set[FlawType]] = {
    "blurred_patch": {FlawType.BLUR},
    "foreign_block": {FlawType.SEAM_OR_HALO, FlawType.UNINTENDED_CHANGE, FlawType.WRONG_CONTENT},
    "recolored_bystander": {FlawType.UNINTENDED_CHANGE},
    "erased_bystander": {FlawType.UNINTENDED_REMOVAL},
    "color_cast": {FlawType.COLOR_CAST, FlawType.LIGHTING_MISMATCH},
}


def diagnose(pair: PlantedPair) -> FlawDiagnosis:
    """The diagnosis of the true flaw region, with the registration that perception measures."""
    rows, columns = np.where(pair.flaw_mask)
    box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    window = pair.flaw_mask[box[1] : box[3], box[0] : box[2]]
    mask = np.where(window, np.uint8(255), np.uint8(0))
    target = MarkedRegion("r1", FlawKind.ARTIFACT, box, mask, saliency=1.0)
    detector = load_detector(PerceptionSettings())
    relation = detector.detect(Edit(pair.source, pair.edited, pair.instruction), lambda: None).registration
    intended = np.where(pair.intended_mask, np.uint8(255), np.uint8(0)) if pair.kind == "recolor" else None
    sample = Sample(pair.source, pair.edited, pair.instruction, relation, intended)
    return CompactDiagnostician().diagnose(sample, [target], lambda: None).flaws[0]


def main() -> None:
    """Diagnose every pair, print one line per flaw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--split", choices=("dev", "report"), default="report")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    pool = photos(options.split)
    figures = {}
    for flaw in FLAWS:
        answers: Counter[str] = Counter()
        for seed, photo in enumerate(pool):
            pair = planted_pair(photo, flaw, seed, pool[(seed + 1) % len(pool)].pixels())
            if pair is None:
                continue
            diagnosis = diagnose(pair)
            answers[str(diagnosis.flaw_type) if diagnosis.is_flaw else "not a flaw"] += 1
            if answers.total() == options.pairs:
                break
        right = sum(answers[str(name)] for name in RIGHT[flaw]) / answers.total()
        figures[flaw] = {"pairs": answers.total(), "right": right, "answers": dict(answers.most_common())}
        print(
            f"{flaw:20} {answers.total():3} pairs  right {right:.0%}  {dict(answers.most_common())}",
            flush=True,
        )
    if options.split == "report":
        keep("reasoning_planted", figures)


if __name__ == "__main__":
    main()
