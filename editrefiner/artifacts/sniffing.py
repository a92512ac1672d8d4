"""Which accepted format a file is, told from its first bytes and never from its name."""

from editrefiner.artifacts.errors import ImageUnreadableError, ImageUnsupportedError
from editrefiner.contracts import MediaType

_REFUSED = (  # formats people do send: named, so that the refusal can say what came
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"8BPS", "a Photoshop document"),
    (b"%PDF", "a PDF"),
    (b"%!PS", "a PostScript file"),
    (b"qoif", "a QOI"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"<svg", "an SVG"),
    (b"<?xml", "an XML or SVG file"),
    (b"PK\x03\x04", "a ZIP archive"),
)
_TIFF_MAGICS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")  # the last two: BigTIFF


def sniff(data: bytes, name: str) -> MediaType:
    """Media type of an accepted picture; anything else is refused by what it looks like."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith(_TIFF_MAGICS):
        return "image/tiff"
    if not data:
        raise ImageUnreadableError(f"{name} is empty. Send the bytes of a PNG, JPEG, WebP or TIFF picture.")
    raise ImageUnsupportedError(
        f"{name} is {_guess(data)}, not a PNG, JPEG, WebP or TIFF picture. Convert it to one of these."
    )


def _guess(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        return "an AVIF, HEIC or video file"
    return next((label for magic, label in _REFUSED if data.startswith(magic)), "of an unknown format")
