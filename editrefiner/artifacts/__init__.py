"""Pictures and blobs by their SHA-256, and the one codec that lets pictures in."""

from editrefiner.artifacts.codec import DecodedImage, decode_image
from editrefiner.artifacts.errors import (
    ArtifactCorruptError,
    ArtifactNotFoundError,
    ArtifactStoreUnavailableError,
    ImageAnimatedError,
    ImageTooLargeError,
    ImageUnreadableError,
    ImageUnsupportedError,
)
from editrefiner.artifacts.png import encode_png
from editrefiner.artifacts.store import ArtifactStore, open_store
from editrefiner.contracts import ImageLimits

__all__ = [
    "ArtifactCorruptError",
    "ArtifactNotFoundError",
    "ArtifactStore",
    "ArtifactStoreUnavailableError",
    "DecodedImage",
    "ImageAnimatedError",
    "ImageLimits",
    "ImageTooLargeError",
    "ImageUnreadableError",
    "ImageUnsupportedError",
    "decode_image",
    "encode_png",
    "open_store",
]
