"""Which planted pictures have a megapixel? Four native-resolution photographs side by side, one flaw each.

The photographs at hand have 0.26 megapixels at most. Enlarged ones are smoother than a camera's, so they pack
and denoise too easily; four beside each other keep the grain.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.planted import DATA, Flaw, Photo, PlantedPair, photos, planted_pair

SIDE = 512
FLAWS_WITHOUT_SEGMENTS: tuple[Flaw, ...] = ("color_cast", "blurred_patch", "foreign_block")


@dataclass(frozen=True)
class Mosaic(Photo):
    """Two by two photographs of SIDE x SIDE pixels."""

    tiles: tuple[Photo, ...] = ()

    def pixels(self) -> np.ndarray:
        """(1024, 1024, 3) uint8 RGB."""
        first, second, third, fourth = (tile.pixels() for tile in self.tiles)
        return np.vstack([np.hstack([first, second]), np.hstack([third, fourth])])


def megapixel_pairs(count: int, data: Path = DATA) -> Iterator[PlantedPair]:
    """`count` planted pairs of 1024 x 1024 pixels, flaw after flaw in turn."""
    square = (photo for photo in photos("report", data, labelled=False) if _is_square(photo))
    mosaics = zip(square, square, square, square, strict=False)
    made = 0
    for seed, tiles in enumerate(mosaics):
        flaw = FLAWS_WITHOUT_SEGMENTS[made % len(FLAWS_WITHOUT_SEGMENTS)]
        pair = planted_pair(Mosaic(tiles[0].path, None, tiles=tiles), flaw, seed)
        if pair is None:
            continue
        yield pair
        made += 1
        if made == count:
            return


def _is_square(photo: Photo) -> bool:
    return photo.pixels().shape[:2] == (SIDE, SIDE)
