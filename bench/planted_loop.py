"""Does the loop repair planted flaws? Distance to the truth inside each flaw, before and after.

python -m bench.planted_loop [--photos 30] [--split report] [--save DIRECTORY]
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from bench.agents import plain_calls
from bench.distance import psnr, structural_distance
from bench.plain import MemoryPictures, refine_plainly
from bench.planted import FLAWS, Flaw, PlantedPair, photos, planted_pair
from bench.results_file import keep
from editrefiner.contracts import RefinementParameters


@dataclass(frozen=True)
class Case:
    """One planted flaw and what became of it."""

    photo: str
    flaw: Flaw
    kind: str
    rounds: int
    improved: bool
    stop_reason: str
    psnr_before: float
    psnr_after: float
    distance_before: float
    distance_after: float
    worst_elsewhere: float
    """Share of pixels outside the flaw that are more than 16 levels farther from the truth than before."""

    @property
    def is_closer(self) -> bool:
        """Closer to the truth by both measures."""
        return self.psnr_after > self.psnr_before and self.distance_after < self.distance_before


def pairs(split: Literal["dev", "report"], count: int) -> Iterator[tuple[str, PlantedPair]]:
    """`count` pairs per flaw, each on a photo of its own where the photo has a place for it."""
    pool = photos(split)
    for flaw in FLAWS:
        made = 0
        for seed, photo in enumerate(pool):
            other = pool[(seed + 1) % len(pool)].pixels()
            pair = planted_pair(photo, flaw, seed, other)
            if pair is None:
                continue
            yield photo.name, pair
            made += 1
            if made == count:
                break


def refine(name: str, pair: PlantedPair) -> tuple[Case, np.ndarray]:
    """Run the loop on one pair; returns the figures and the picture."""
    pictures = MemoryPictures()
    finish, _, _ = refine_plainly(
        plain_calls(pictures), pictures, pair.source, pair.edited, pair.instruction, RefinementParameters()
    )
    assert finish.result is not None
    assert pair.flaw is not None
    repaired = pictures.pixels(finish.result.image)
    inside = pair.flaw_mask
    error_before = np.abs(pair.edited.astype(int) - pair.ideal).max(axis=2)
    error_after = np.abs(repaired.astype(int) - pair.ideal).max(axis=2)
    case = Case(
        photo=name,
        flaw=pair.flaw,
        kind=pair.kind,
        rounds=finish.result.iterations,
        improved=finish.result.improved,
        stop_reason=str(finish.stop_reason),
        psnr_before=psnr(pair.edited, pair.ideal, inside),
        psnr_after=psnr(repaired, pair.ideal, inside),
        distance_before=structural_distance(pair.edited, pair.ideal, inside),
        distance_after=structural_distance(repaired, pair.ideal, inside),
        worst_elsewhere=float(np.mean((error_after - error_before)[~inside] > 16)),
    )
    return case, repaired


def summary(cases: list[Case]) -> dict[str, float]:
    """What a flaw's cases come to."""
    return {
        "pairs": len(cases),
        "closer": sum(case.is_closer for case in cases) / len(cases),
        "accepted": sum(case.improved for case in cases) / len(cases),
        "median_psnr_gain_db": float(np.median([case.psnr_after - case.psnr_before for case in cases])),
        "median_distance_before": float(np.median([case.distance_before for case in cases])),
        "median_distance_after": float(np.median([case.distance_after for case in cases])),
        "mean_damage_elsewhere": float(np.mean([case.worst_elsewhere for case in cases])),
    }


def save(folder: Path, case: Case, pair: PlantedPair, repaired: np.ndarray) -> None:
    """Source, flawed, repaired and truth side by side, for eyes."""
    folder.mkdir(parents=True, exist_ok=True)
    row = np.hstack([pair.source, pair.edited, repaired, pair.ideal])
    verdict = "closer" if case.is_closer else "not"
    name = f"{case.flaw}-{case.photo.replace('/', '-')}-{verdict}.png"
    cv2.imwrite(str(folder / name), cv2.cvtColor(row, cv2.COLOR_RGB2BGR))


def main() -> None:
    """Refine every pair, print one line per flaw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=30)
    parser.add_argument("--split", choices=("dev", "report"), default="report")
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    cases: list[Case] = []
    for name, pair in pairs(options.split, options.photos):
        case, repaired = refine(name, pair)
        cases.append(case)
        if options.save:
            save(options.save, case, pair, repaired)
    figures = {flaw: summary([case for case in cases if case.flaw == flaw]) for flaw in FLAWS}
    figures["all"] = summary(cases)
    for flaw, row in figures.items():
        print(
            f"{flaw:20} {row['pairs']:4} pairs  closer {row['closer']:6.1%}  "
            f"accepted {row['accepted']:6.1%}  "
            f"PSNR {row['median_psnr_gain_db']:+5.1f} dB  "
            f"distance {row['median_distance_before']:.3f} -> {row['median_distance_after']:.3f}"
        )
    if options.split == "report":
        keep("planted_loop", {**figures, "cases": [asdict(case) for case in cases]})


if __name__ == "__main__":
    main()
