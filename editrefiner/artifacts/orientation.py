"""How a camera was held: the EXIF orientation read, and applied to pixels."""

import struct

import numpy as np

_ORIENTATION_TAG = 0x0112
_SHORT = 3
_MAX_ENTRIES = 512  # directories of real cameras hold a few dozen


def exif_orientation(exif: bytes | None) -> int:
    """Orientation 1..8 of an EXIF block, 1 when it has none or is damaged."""
    block = (exif or b"").removeprefix(b"Exif\x00\x00")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return 1
    (start,) = struct.unpack_from(order + "I", block, 4)
    if start + 2 > len(block):
        return 1
    (count,) = struct.unpack_from(order + "H", block, start)
    for index in range(min(count, _MAX_ENTRIES)):
        entry = start + 2 + 12 * index
        if entry + 12 > len(block):
            return 1
        tag, kind, _, value = struct.unpack_from(order + "HHIH", block, entry)
        if tag == _ORIENTATION_TAG:
            return value if kind == _SHORT and 1 <= value <= 8 else 1
    return 1


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as it is meant to be seen; a new contiguous array where something has to move."""
    match orientation:
        case 2:
            turned = pixels[:, ::-1]
        case 3:
            turned = pixels[::-1, ::-1]
        case 4:
            turned = pixels[::-1]
        case 5:
            turned = pixels.swapaxes(0, 1)
        case 6:
            turned = np.rot90(pixels, 3)
        case 7:
            turned = pixels[::-1, ::-1].swapaxes(0, 1)
        case 8:
            turned = np.rot90(pixels, 1)
        case _:
            turned = pixels
    return np.ascontiguousarray(turned)
