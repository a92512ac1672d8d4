"""The suite's own PNG: one quick filter, one quick deflate, and the quick way back."""

import struct

import numpy as np
from isal import isal_zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_BYTES = 33  # signature, then the whole IHDR chunk
_UP = 2  # each row holds its difference from the row above
_COLOR_TYPES = {1: 0, 3: 2, 4: 6}  # channels -> PNG colour type
_CHANNELS = {color_type: channels for channels, color_type in _COLOR_TYPES.items()}
_DEFLATE_LEVEL = 1  # level 0 is no quicker on pictures and packs less


def encode_png(pixels: np.ndarray) -> bytes:
    """A standard 8-bit PNG of (H, W), (H, W, 3) or (H, W, 4) uint8 pixels, without loss or metadata."""
    if pixels.dtype != np.uint8 or pixels.size == 0:
        raise ValueError(f"a PNG takes uint8 pixels, not {pixels.dtype} of shape {pixels.shape}")
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))):
        raise ValueError(f"a PNG takes (H, W), (H, W, 3) or (H, W, 4) pixels, not {pixels.shape}")
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    rows = np.ascontiguousarray(pixels).reshape(height, width * channels)
    filtered = np.empty((height, width * channels + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])  # modulo 256, as the format wants it
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOR_TYPES[channels], 0, 0, 0)
    packed = isal_zlib.compress(filtered.data, _DEFLATE_LEVEL)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    """One PNG chunk with its length and checksum."""
    checksum = isal_zlib.crc32(content, isal_zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png_size(start: bytes) -> tuple[int, int] | None:
    """Width and height from the first bytes of a PNG; None when they are not a PNG's."""
    if len(start) < HEADER_BYTES or not start.startswith(SIGNATURE) or start[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", start, 16)
    return (width, height) if width and height else None


def decode_own_png(content: bytes, *, max_pixels: int) -> np.ndarray | None:
    """Pixels of a PNG in the form `encode_png` writes; None for any other PNG, which the codec reads.

    None also for one of more than `max_pixels`: anybody can write that form, and pack gigabytes in it.
    """
    size = png_size(content)
    if size is None or content[37:41] != b"IDAT":
        return None
    width, height = size
    if width * height > max_pixels:
        return None
    depth, color_type, *rest = struct.unpack_from("BBBBB", content, 24)
    (length,) = struct.unpack_from(">I", content, 33)
    ending = content[49 + length : 53 + length]
    if depth != 8 or color_type not in _CHANNELS or any(rest) or ending != b"IEND":
        return None
    channels = _CHANNELS[color_type]
    expected = height * (width * channels + 1)
    inflater = isal_zlib.decompressobj()
    try:
        raw = inflater.decompress(memoryview(content)[41 : 41 + length], expected + 1)
    except isal_zlib.IsalError:  # pyright: ignore[reportGeneralTypeIssues] -- the stubs call it an instance
        return None
    if len(raw) != expected:
        return None
    filtered = np.frombuffer(raw, np.uint8).reshape(height, width * channels + 1)
    if (filtered[:, 0] != _UP).any():
        return None
    rows = filtered[:, 1:].copy()
    for y in range(1, height):  # row by row: ten times quicker here than numpy's accumulate
        np.add(rows[y], rows[y - 1], out=rows[y])
    return rows.reshape((height, width) if channels == 1 else (height, width, channels))
