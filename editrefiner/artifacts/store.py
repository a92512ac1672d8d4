"""The artifact store: pictures and blobs by their SHA-256, small records by name."""

import base64
import binascii
import hashlib
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np

from editrefiner.artifacts.blobs import BlobStore
from editrefiner.artifacts.cache import ArrayCache
from editrefiner.artifacts.codec import DecodedImage, decode_image
from editrefiner.artifacts.directory import DirectoryBlobs
from editrefiner.artifacts.errors import (
    ArtifactCorruptError,
    ArtifactNotFoundError,
    ImageUnreadableError,
    ImageUnsupportedError,
)
from editrefiner.artifacts.limits import DEFAULT_LIMITS, check_bytes
from editrefiner.artifacts.png import HEADER_BYTES, decode_own_png, encode_png, png_size
from editrefiner.artifacts.s3 import open_bucket
from editrefiner.artifacts.working import WorkingCopies
from editrefiner.contracts import ImageInput, ImageLimits, ImageRef

Blob = bytes  # ArtifactStore has a method of that name
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RECORD_KEY = re.compile(r"[0-9A-Za-z._-]{1,128}")
_DATA_URI = re.compile(r"data:image/[a-z0-9.+-]+;base64,")
_WORKING_BYTES = 2**30  # some 300 pictures of one megapixel


class ArtifactStore:
    """Content-addressed pictures and blobs. Thread-safe; every method may wait for a disk or a network."""

    def __init__(
        self,
        blobs: BlobStore,
        *,
        limits: ImageLimits,
        cache: ArrayCache,
        working: WorkingCopies | None = None,
    ) -> None:
        self.limits = limits
        self._blobs = blobs
        self._cache = cache
        self._working = working

    def put_pixels(self, pixels: np.ndarray) -> ImageRef:
        """Store (H, W), (H, W, 3) or (H, W, 4) uint8 pixels as a lossless PNG; durable when this returns."""
        kept = np.array(pixels, order="C")  # a copy: the caller may go on drawing
        sha256 = self.put_bytes(encode_png(kept))
        self._remember(sha256, kept)
        if self._working is not None:
            self._working.put(sha256, kept)
        return ImageRef(sha256=sha256, width=kept.shape[1], height=kept.shape[0])

    def pixels(self, ref: ImageRef | str) -> np.ndarray:
        """The picture as (H, W, 3) uint8 RGB, read-only. Gray is repeated, alpha left out."""
        stored = self._stored(_digest(ref))
        if stored.ndim == 2:
            return _read_only(cv2.cvtColor(stored, cv2.COLOR_GRAY2RGB))
        return stored if stored.shape[2] == 3 else _read_only(np.ascontiguousarray(stored[..., :3]))

    def gray(self, ref: ImageRef | str) -> np.ndarray:
        """The picture as (H, W) uint8, read-only: a map or mask as stored, the luma of a colour one."""
        stored = self._stored(_digest(ref))
        if stored.ndim == 2:
            return stored
        conversion = cv2.COLOR_RGB2GRAY if stored.shape[2] == 3 else cv2.COLOR_RGBA2GRAY
        return _read_only(cv2.cvtColor(stored, conversion))

    def put_bytes(self, data: Blob) -> str:
        """Store any blob and return its SHA-256 (hex); durable when this returns."""
        sha256 = hashlib.sha256(data).hexdigest()
        self._blobs.write(_blob_key(sha256), data)
        return sha256

    def ingest(self, data: Blob, *, name: str) -> tuple[ImageRef, DecodedImage]:
        """Decode an untrusted picture under the limits and store its sRGB pixels, without its alpha."""
        decoded = decode_image(data, self.limits, name=name)
        return self.put_pixels(decoded.pixels), decoded

    def resolve(self, image: ImageInput, *, name: str) -> ImageRef:
        """The reference behind an image field: checked to exist, or made from a `data:` URI."""
        if isinstance(image, ImageRef) or image.startswith("sha256:"):
            return self.size(image)
        return self.ingest(self._payload(image, name), name=name)[0]

    def size(self, ref_or_sha: ImageRef | str) -> ImageRef:
        """A complete reference to a stored picture, read from its header only."""
        sha256 = _digest(ref_or_sha)
        start = self._blobs.read_start(_blob_key(sha256), HEADER_BYTES)
        if start is None:
            raise _not_found(sha256)
        size = png_size(start)
        if size is None:
            raise ImageUnsupportedError(
                f"artifact sha256:{sha256} is not a picture. Refer to one that was stored as a picture."
            )
        return ImageRef(sha256=sha256, width=size[0], height=size[1])

    def exists(self, sha256: str) -> bool:
        """Whether the blob is stored."""
        return self._blobs.exists(_blob_key(_digest(sha256)))

    def delete(self, sha256: str) -> None:
        """Remove a blob; nothing happens when there is none."""
        digest = _digest(sha256)
        self._blobs.delete(_blob_key(digest))
        self._forget(digest)

    def put_record(self, key: str, data: Blob) -> None:
        """Store a small document by name in place of any earlier one, atomically."""
        self._blobs.write(_record_key(key), data)

    def record(self, key: str) -> Blob | None:
        """The document of that name; None when there is none."""
        return self._blobs.read(_record_key(key))

    def bytes(self, sha256: str) -> Blob:
        """The blob, verified; a damaged one is removed, so that what made it can be run again."""
        digest = _digest(sha256)
        content = self._blobs.read(_blob_key(digest))
        if content is None:
            self._forget(digest)
            raise _not_found(digest)
        if hashlib.sha256(content).hexdigest() != digest:
            self.delete(digest)
            raise ArtifactCorruptError(
                f"artifact sha256:{digest} was damaged in the store and has been removed. "
                "Repeat the request that made it."
            )
        return content

    def _stored(self, sha256: str) -> np.ndarray:
        """The decoded picture in its own channels, from the quickest place that has it."""
        cached = self._cache.get(sha256)
        if cached is not None:
            return cached
        copy = self._working.get(sha256) if self._working is not None else None
        if copy is not None and self._blobs.exists(_blob_key(sha256)):  # a copy of what is gone is no answer
            return self._remember(sha256, copy)
        content = self.bytes(sha256)
        decoded = decode_own_png(content, max_pixels=self.limits.max_pixels)
        if decoded is None:
            decoded = decode_image(content, self.limits, name=f"artifact sha256:{sha256}").pixels
        if self._working is not None:
            self._working.put(sha256, decoded)
        return self._remember(sha256, decoded)

    def _remember(self, sha256: str, pixels: np.ndarray) -> np.ndarray:
        kept = _read_only(pixels)
        self._cache.put(sha256, kept)
        return kept

    def _forget(self, sha256: str) -> None:
        self._cache.drop(sha256)
        if self._working is not None:
            self._working.drop(sha256)

    def _payload(self, uri: str, name: str) -> Blob:
        scheme = _DATA_URI.match(uri)
        if scheme is None:
            raise ImageUnreadableError(
                f"{name} is neither an artifact reference, `sha256:<hex>` nor a `data:image/...;base64,` URI."
            )
        encoded = uri[scheme.end() :]
        check_bytes(self.limits, len(encoded) * 3 // 4 - 2, name)  # before a second copy of it is made
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise ImageUnreadableError(f"{name} is not valid base64: {exc}. Encode it again.") from exc


def open_store(
    url: str, *, limits: ImageLimits = DEFAULT_LIMITS, cache_bytes: int = 256 * 2**20
) -> ArtifactStore:
    """The store at `file:///directory`, `/directory` or `s3://bucket/prefix?endpoint=...&region=...`."""
    parts = urlsplit(url)
    cache = ArrayCache(cache_bytes)
    if parts.scheme in ("", "file"):
        root = Path(unquote(parts.path) if parts.scheme else url).expanduser().resolve()
        blobs = DirectoryBlobs(root)
        working = WorkingCopies(root / "working", _WORKING_BYTES)
        return ArtifactStore(blobs, limits=limits, cache=cache, working=working)
    if parts.scheme == "s3":
        return ArtifactStore(open_bucket(parts), limits=limits, cache=cache)
    raise ValueError(f"{url!r} is not an artifact store: use a directory, file:// or s3://bucket/prefix")


def _digest(ref: ImageRef | str) -> str:
    digest = ref.sha256 if isinstance(ref, ImageRef) else ref.removeprefix("sha256:")
    if _SHA256.fullmatch(digest) is None:
        raise ValueError(f"{digest[:80]!r} is not the lower-case hex of a SHA-256")
    return digest


def _blob_key(sha256: str) -> str:
    return f"blobs/{sha256}"


def _record_key(key: str) -> str:
    if _RECORD_KEY.fullmatch(key) is None:
        raise ValueError(f"{key[:140]!r} is no record key: use 1 to 128 of 0-9 A-Z a-z . _ -")
    return f"records/{key}.json"  # the suffix keeps a record named `..` a plain name


def _not_found(sha256: str) -> ArtifactNotFoundError:
    return ArtifactNotFoundError(
        f"artifact sha256:{sha256} is not in the store. Upload the picture again, or repeat what made it."
    )


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
