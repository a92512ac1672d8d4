"""Opening a picture's container: its size, frames, profile and orientation known, nothing decoded yet."""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass

from PIL import ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

from editrefiner.artifacts.errors import ImageTooLargeError, ImageUnreadableError, ImageUnsupportedError
from editrefiner.artifacts.limits import check_frames, check_size
from editrefiner.artifacts.orientation import exif_orientation
from editrefiner.artifacts.pngchunks import read_chunks
from editrefiner.artifacts.tiffpieces import count_pieces
from editrefiner.contracts import ImageLimits, MediaType

MAX_JPEG_SCANS = 100  # a camera or encoder writes at most a dozen; every scan walks the whole picture
_MAX_TIFF_PIECES = 200_000  # 40 megapixels in tiles of 16x16
_MAX_READS = 200_000  # a parser that comes back for more is walking a list made to keep it busy
_READ_BUDGET = 4  # times the file: parsers read a file once, or twice, not once per directory entry


@dataclass(frozen=True)
class Container:
    """An opened picture within its limits."""

    open: Callable[[], ImageFile.ImageFile]
    """A fresh, undecoded image at every call."""
    profile: bytes | None
    """Embedded ICC profile."""
    orientation: int
    """EXIF orientation still to be applied, 1..8."""
    warnings: tuple[str, ...] = ()
    is_gray_alpha_16: bool = False
    """The image opens as RGBA and means 16-bit gray with alpha."""


class BudgetedReader(io.BytesIO):
    """A file in memory that refuses to be read over and over: what stops directory and segment bombs."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._bytes_left = _READ_BUDGET * len(content) + 2**20
        self._reads_left = _MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """As in `io.BytesIO`, while the budget lasts."""
        piece = super().read(size)
        self._bytes_left -= len(piece)
        self._reads_left -= 1
        if self._bytes_left < 0 or self._reads_left < 0:
            raise OSError("the file makes its reader work far more than its size warrants")
        return piece


def open_container(data: bytes, media_type: MediaType, limits: ImageLimits, name: str) -> Container:
    """Open a picture of a sniffed type; size, ratio and frames are checked before anything is decoded."""
    match media_type:
        case "image/png":
            return _open_png(data, limits, name)
        case "image/jpeg":
            return _open_jpeg(data, limits, name)
        case "image/webp":
            return _open_webp(data, limits, name)
        case "image/tiff":
            return _open_tiff(data, limits, name)


def _open_png(data: bytes, limits: ImageLimits, name: str) -> Container:
    chunks = read_chunks(data, name)
    check_size(limits, *chunks.size, name)
    check_frames(limits, chunks.frames, name)
    return Container(
        lambda: PngImagePlugin.PngImageFile(BudgetedReader(chunks.essential)),
        chunks.profile,
        exif_orientation(chunks.exif),
        chunks.warnings,
        chunks.is_gray_alpha_16,
    )


def _open_jpeg(data: bytes, limits: ImageLimits, name: str) -> Container:
    # A phone's JPEG may carry more pictures behind the first (depth, gain map): they are not frames.
    def fresh() -> ImageFile.ImageFile:
        return JpegImagePlugin.JpegImageFile(BudgetedReader(data))

    image = fresh()
    check_size(limits, *image.size, name)
    scans = data.count(b"\xff\xda")  # inside coded data FF is always followed by 00 or a restart marker
    if scans > MAX_JPEG_SCANS:
        raise ImageTooLargeError(
            f"{name} is a JPEG of {scans} scans; the limit is {MAX_JPEG_SCANS}. Save it as a baseline JPEG."
        )
    return Container(fresh, image.info.get("icc_profile"), exif_orientation(image.info.get("exif")))


def _open_webp(data: bytes, limits: ImageLimits, name: str) -> Container:
    check_size(limits, *_webp_size(data, name), name)  # here already: opening a WebP allocates its canvas

    def fresh() -> WebPImagePlugin.WebPImageFile:
        return WebPImagePlugin.WebPImageFile(BudgetedReader(data))

    image = fresh()
    check_frames(limits, image.n_frames, name)
    return Container(fresh, image.info.get("icc_profile"), exif_orientation(image.info.get("exif")))


def _webp_size(data: bytes, name: str) -> tuple[int, int]:
    """Width and height from the first chunk."""
    kind, start = data[12:16], data[20:30].ljust(10, b"\x00")
    if kind == b"VP8X":
        return int.from_bytes(start[4:7], "little") + 1, int.from_bytes(start[7:10], "little") + 1
    if kind == b"VP8L" and start[0] == 0x2F:
        (bits,) = struct.unpack_from("<I", start, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and start[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", start, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise ImageUnreadableError(f"{name} is a WebP file without a picture. Save the picture again.")


def _open_tiff(data: bytes, limits: ImageLimits, name: str) -> Container:
    pieces = count_pieces(data)
    if pieces > _MAX_TIFF_PIECES:
        raise ImageTooLargeError(
            f"{name} is a TIFF in {pieces} pieces; the limit is {_MAX_TIFF_PIECES}. Save it in larger strips."
        )

    def fresh() -> TiffImagePlugin.TiffImageFile:
        return TiffImagePlugin.TiffImageFile(BudgetedReader(data))

    image = fresh()
    check_size(limits, *image.size, name)
    tile = tuple(image.tag_v2.get(tag, 1) for tag in (TiffImagePlugin.TILEWIDTH, TiffImagePlugin.TILELENGTH))
    if tile[0] * tile[1] > limits.max_pixels:  # a decoder allocates whole tiles, however small the picture
        raise ImageTooLargeError(
            f"{name} is a TIFF in tiles of {tile[0]}x{tile[1]} pixels; the limit is {limits.max_pixels}. "
            "Save it without tiles."
        )
    if _has_deep_planes(image):
        raise ImageUnsupportedError(
            f"{name} is a TIFF of 16-bit samples in separate planes. Save it interleaved or compressed."
        )
    check_frames(limits, _pages(image, limits.max_frames), name)
    # Orientation 1: Pillow turns a TIFF upright itself when it decodes it.
    return Container(fresh, image.info.get("icc_profile"), 1)


def _has_deep_planes(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether channels of more than 8 bits are stored bare, one after the other, which Pillow misreads."""
    tags = image.tag_v2
    is_planar = tags.get(TiffImagePlugin.PLANAR_CONFIGURATION) == 2
    is_bare = tags.get(TiffImagePlugin.COMPRESSION, 1) == 1
    return is_planar and is_bare and max(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))) > 8


def _pages(image: TiffImagePlugin.TiffImageFile, enough: int) -> int:
    """Pages of a TIFF, counted no further than one past `enough`."""
    for page in range(1, enough + 1):
        try:
            image.seek(page)
        except EOFError:
            return page
    return enough + 1
