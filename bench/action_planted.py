"""Does a repair come closer to the truth? The action agent on planted flaws whose place is given.

Run: python -m bench.action_planted [--split dev|report] [--pairs 30] [--mask true|small|large] [--change]
     [--pictures DIR] [--no-write]

Source, edited picture and the flaw's mask go to the agent as one region without diagnosis or registration:
what is measured is the repair alone. `--mask small` and `large` take a ring off the true mask or add one, as
a detector would; `--change` also tells where the instructed change is. The repaired picture is compared with
the ideal edit inside the flaw by PSNR and DSSIM ("closer" means better by both), and by PSNR over the whole
frame, where undoing the instructed edit or a seam would show. The last line is one JSON object.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Literal

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from bench.planted import FLAWS, Flaw, PlantedPair, photos, planted_pair
from editrefiner.contracts import (
    ChangeScope,
    ChangeSummary,
    EditKind,
    EditRequest,
    EditResult,
    FlawKind,
    FlawRegion,
    ImageRef,
)
from services.action.agent import ActionAgent
from services.action.backends.compact import CompactEditor

RESULTS = Path(__file__).parent / "results"
RING_SHARE = 0.1  # of the flaw's side: what a detector's mask lacks or has too much on every side
MaskKind = Literal["true", "small", "large"]
KINDS = {
    "blurred_patch": FlawKind.ARTIFACT,
    "foreign_block": FlawKind.EDITING_FAILURE,
    "recolored_bystander": FlawKind.EDITING_FAILURE,
    "erased_bystander": FlawKind.EDITING_FAILURE,
    "color_cast": FlawKind.ARTIFACT,
}


class Memory:
    """Pictures by number, in memory."""

    def __init__(self) -> None:
        self._pictures: list[np.ndarray] = []

    def pixels(self, ref: ImageRef) -> np.ndarray:
        """The picture."""
        return self._pictures[int(ref.sha256, 16)]

    gray = pixels

    def put_pixels(self, pixels: np.ndarray) -> ImageRef:
        """Keep it under the next number."""
        self._pictures.append(pixels)
        name = f"{len(self._pictures) - 1:064x}"
        return ImageRef(sha256=name, width=pixels.shape[1], height=pixels.shape[0])


def pairs(split: str, flaw: Flaw, wanted: int) -> Iterator[PlantedPair]:
    """Pairs with this flaw, one a photo."""
    found = 0
    shots = photos("dev" if split == "dev" else "report")
    for number, photo in enumerate(shots):
        other = shots[(number + 1) % len(shots)].pixels() if flaw == "foreign_block" else None
        pair = planted_pair(photo, flaw, seed=number, other=other)
        if pair is not None:
            yield pair
            found += 1
        if found == wanted:
            return


def region_mask(pair: PlantedPair, how: MaskKind) -> np.ndarray:
    """(H, W) uint8 of 0 and 255: the true mask, or one that a detector might give."""
    mask = pair.flaw_mask.astype(np.uint8) * 255
    ring = 2 * max(1, round(RING_SHARE * np.sqrt(pair.flaw_mask.sum()))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (ring, ring))
    match how:
        case "small":
            eroded = cv2.erode(mask, kernel)
            return eroded if eroded.any() else mask
        case "large":
            return cv2.dilate(mask, kernel)
        case _:
            return mask


def repair(pair: PlantedPair, flaw: Flaw, mask: np.ndarray, memory: Memory, tell_change: bool) -> EditResult:
    """Candidates for the one region that is flawed."""
    x, y, w, h = cv2.boundingRect(mask)
    region = FlawRegion(
        id="flaw",
        kind=KINDS[flaw],
        bbox=(x, y, x + w, y + h),
        area=cv2.countNonZero(mask),
        mean_saliency=1.0,
        peak_saliency=1.0,
        mask=memory.put_pixels(mask[y : y + h, x : x + w]),
    )
    change = ChangeSummary(
        scope=ChangeScope.GLOBAL if pair.kind == "tone" else ChangeScope.LOCAL,
        edit_kind=EditKind.GLOBAL if pair.kind == "tone" else EditKind.RECOLOR,
        changed_fraction=float(pair.intended_mask.mean()),
        intended_mask=memory.put_pixels(pair.intended_mask.astype(np.uint8) * 255),
    )
    request = EditRequest(
        source=memory.put_pixels(pair.source),
        edited=memory.put_pixels(pair.edited),
        instruction=pair.instruction,
        regions=(region,),
        change=change if tell_change else None,
    )
    return ActionAgent(CompactEditor(), memory).edit(request, lambda: None)


@dataclass(frozen=True)
class Distances:
    """How far a picture is from the ideal edit."""

    psnr: float
    """dB inside the flaw."""
    dssim: float
    """Inside the flaw."""
    frame_psnr: float
    """dB over the whole picture."""

    @classmethod
    def of(cls, pair: PlantedPair, picture: np.ndarray) -> "Distances":
        """Measured."""
        inside = pair.flaw_mask
        error = np.square(picture.astype(np.float32) - pair.ideal).mean(axis=-1)
        _, similarity = structural_similarity(picture, pair.ideal, channel_axis=2, full=True)[:2]
        dssim = (1 - float(np.asarray(similarity)[inside].mean())) / 2
        return cls(_psnr(error[inside]), dssim, _psnr(error))

    def is_closer_than(self, other: "Distances") -> bool:
        """By both measures inside the flaw."""
        return self.psnr > other.psnr and self.dssim < other.dssim


def measure(arguments: argparse.Namespace, flaw: Flaw) -> dict[str, float]:
    """Shares and medians over the pairs with one flaw."""
    firsts: list[tuple[Distances, Distances]] = []
    best_closer, seconds = [], []
    for number, pair in enumerate(pairs(arguments.split, flaw, arguments.pairs)):
        memory = Memory()
        mask = region_mask(pair, arguments.mask)
        started = time.perf_counter()
        result = repair(pair, flaw, mask, memory, arguments.change)
        seconds.append(time.perf_counter() - started)
        repaired = [memory.pixels(candidate.image) for candidate in result.candidates]
        before = Distances.of(pair, pair.edited)
        after = [Distances.of(pair, picture) for picture in repaired]
        firsts.append((before, after[0] if after else before))
        best_closer.append(any(found.is_closer_than(before) for found in after))
        if arguments.pictures is not None:
            panels = [pair.source, pair.edited, pair.ideal, *repaired]
            _write(arguments.pictures / f"{flaw}_{number:02d}.png", panels)
    return {
        "pairs": len(firsts),
        "first_closer": round(mean(after.is_closer_than(before) for before, after in firsts), 3),
        "any_closer": round(mean(best_closer), 3),
        "first_median_psnr_gain_db": round(median(after.psnr - before.psnr for before, after in firsts), 2),
        "first_median_psnr_db": round(median(after.psnr for _, after in firsts), 2),
        "first_median_dssim_gain": round(median(before.dssim - after.dssim for before, after in firsts), 4),
        "first_frame_closer": round(mean(a.frame_psnr > b.frame_psnr for b, a in firsts), 3),
        "median_seconds": round(median(seconds), 3),
    }


def _psnr(squared_error: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(float(squared_error.mean()), 1e-3)))


def _write(path: Path, panels: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.hstack(panels)[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description="Repair planted flaws whose place is given.")
    parser.add_argument("--split", choices=("dev", "report"), default="dev")
    parser.add_argument("--pairs", type=int, default=30, help="pairs a flaw")
    parser.add_argument("--mask", choices=("true", "small", "large"), default="true")
    parser.add_argument("--change", action="store_true", help="tell where the instructed change is")
    parser.add_argument("--pictures", type=Path, help="write source, edited, ideal and candidates here")
    parser.add_argument("--no-write", action="store_true", help="print the result and keep no file")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    flaws = {}
    for flaw in FLAWS:
        flaws[flaw] = measure(arguments, flaw)
        print(f"{flaw:>20}: {flaws[flaw]}")
    digest = CompactEditor().info.digest
    conditions = {"split": arguments.split, "mask": arguments.mask, "change": arguments.change}
    result = {"bench": "action_planted", **conditions, "backend": digest, "flaws": flaws}
    if not arguments.no_write:
        path = RESULTS / f"action_planted_{arguments.split}_{arguments.mask}.json"
        path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
