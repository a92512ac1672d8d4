"""Is a clean edit left alone? Identity pairs and flawless global tone edits of photos nobody tuned on.

python -m bench.clean_edits [--pairs 30]
"""

import argparse
from collections import Counter

import cv2
import numpy as np

from bench.agents import plain_calls
from bench.plain import MemoryPictures, refine_plainly
from bench.planted import PlantedPair, clean_tone_pair, identity_pair, photos
from bench.results_file import keep
from editrefiner.contracts import RefinementParameters


def outcome(pair: PlantedPair) -> str:
    """`no_flaws`, `untouched` (something was tried and dropped) or `changed`."""
    pictures = MemoryPictures()
    finish, _, _ = refine_plainly(
        plain_calls(pictures), pictures, pair.source, pair.edited, pair.instruction, RefinementParameters()
    )
    assert finish.result is not None
    if finish.result.improved:
        return "changed"
    return "no_flaws" if finish.stop_reason == "no_flaws" else "untouched"


def main() -> None:
    """Refine every pair, print one line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    chosen = photos("report")[: options.pairs]
    figures = {}
    for kind, make in (("identity", identity_pair), ("tone", clean_tone_pair)):
        counts = Counter(outcome(make(photo, seed)) for seed, photo in enumerate(chosen))
        left_alone = 1 - counts["changed"] / len(chosen)
        figures[kind] = {"pairs": len(chosen), "left_alone": left_alone, **counts}
        print(f"{kind:10} {len(chosen)} pairs, left alone {left_alone:.0%}  {dict(counts)}", flush=True)
    keep("clean_edits", figures)


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
