"""What of a PNG file matters: its essential chunks, its profile, its orientation and its frame count."""

import struct
import zlib
from dataclasses import dataclass

from editrefiner.artifacts.errors import ImageTooLargeError, ImageUnreadableError
from editrefiner.artifacts.icc import MAX_PROFILE_BYTES
from editrefiner.artifacts.png import SIGNATURE, chunk

_ESSENTIAL = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
_MAX_CHUNKS = 100_000  # 25 MiB in chunks of 256 bytes; encoders write 4 KiB and more


@dataclass(frozen=True)
class PngChunks:
    """A PNG without its text, previews and private data."""

    essential: bytes
    """A PNG file of the chunks that make pixels."""
    is_gray_alpha_16: bool
    """The header of `essential` says 8-bit RGBA, which has the same bytes and which Pillow keeps whole."""
    size: tuple[int, int]
    profile: bytes | None
    exif: bytes | None
    frames: int
    warnings: tuple[str, ...]


def read_chunks(data: bytes, name: str) -> PngChunks:
    """Walk a PNG once. Text is skipped unread, so it can neither leak nor explode."""
    kept, found = [SIGNATURE], {}
    at = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            break  # the decoder finds out whether pixels are missing
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind == b"IHDR" and kind in found:  # the decoder would take its size, which nobody checked
            raise ImageUnreadableError(f"{name} is a PNG with two headers. Save the picture again.")
        if kind in _ESSENTIAL:
            kept.append(data[at:end])
        if kind in (b"IHDR", b"iCCP", b"eXIf", b"acTL"):
            found.setdefault(kind, data[at + 8 : at + 8 + length])
        if kind == b"IEND":
            break
        at = end
    else:
        raise ImageTooLargeError(
            f"{name} is a PNG of more than {_MAX_CHUNKS} chunks. Save the picture again."
        )
    header = found.get(b"IHDR", b"")
    if len(header) != 13 or data[12:16] != b"IHDR":
        raise ImageUnreadableError(
            f"{name} is a PNG that does not start with a header. Save the picture again."
        )
    is_gray_alpha_16 = header[8:10] == b"\x10\x04"
    if is_gray_alpha_16:
        kept[1] = chunk(b"IHDR", header[:8] + b"\x08\x06" + header[10:])
    profile, warnings = _profile(found.get(b"iCCP"), name)
    animation = found.get(b"acTL", b"")
    return PngChunks(
        essential=b"".join(kept),
        is_gray_alpha_16=is_gray_alpha_16,
        size=struct.unpack_from(">II", header),
        profile=profile,
        exif=found.get(b"eXIf"),
        frames=struct.unpack_from(">I", animation)[0] if len(animation) >= 4 else 1,
        warnings=warnings,
    )


def _profile(content: bytes | None, name: str) -> tuple[bytes | None, tuple[str, ...]]:
    """The unpacked ICC profile, never more than the largest one accepted."""
    if content is None:
        return None, ()
    _, _, packed = content.partition(b"\x00")  # what is left starts with the method, of which there is one
    inflater = zlib.decompressobj()
    try:
        profile = inflater.decompress(packed[1:], MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return None, (f"{name}: the embedded colour profile is damaged and was ignored",)
    return profile, ()
