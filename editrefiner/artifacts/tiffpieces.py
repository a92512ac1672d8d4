"""In how many pieces a TIFF's first page is stored, read before a parser makes an object of each."""

import struct

_OFFSET_TAGS = (273, 324)  # of strips, of tiles


def count_pieces(data: bytes) -> int:
    """Strips or tiles of the first page; `struct.error` when its directory is not in the file."""
    order = "<" if data.startswith(b"II") else ">"
    is_big = struct.unpack_from(order + "H", data, 2) == (43,)
    head, entry = (order + "Q", order + "HHQQ") if is_big else (order + "H", order + "HHII")
    (start,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
    (entries,) = struct.unpack_from(head, data, _within(start, data))
    first, size = start + struct.calcsize(head), struct.calcsize(entry)
    pieces = 0
    for at in range(first, min(first + entries * size, len(data) - size + 1), size):
        tag, _, count, _ = struct.unpack_from(entry, data, at)
        if tag in _OFFSET_TAGS:
            pieces = max(pieces, count)
    return pieces


def _within(offset: int, data: bytes) -> int:
    """An offset that `struct` can be asked for: one outside the file is an error there, not an overflow."""
    return min(offset, len(data))
