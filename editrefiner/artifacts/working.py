"""Raw pixels beside the stored PNGs, so that another process on the machine need not decode them again."""

import os
import secrets
import struct
import threading
from contextlib import suppress
from io import FileIO
from pathlib import Path

import numpy as np
from isal import isal_zlib

_HEADER = struct.Struct(
    "<8s32sIIII"
)  # magic, SHA-256 of the PNG, height, width, channels, CRC-32 of the pixels
_MAGIC = b"ERPIXEL1"


class WorkingCopies:
    """A cache of decoded pictures in files, at most about `max_bytes` in all.

    A copy is written only by a process that has just encoded or verified the PNG it stands for. It is never
    fsynced and may vanish at any time; one that is torn or damaged fails its checksum and is removed.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._unswept_bytes = max_bytes  # sweep at the first write: earlier processes have left copies
        self._folder.mkdir(parents=True, exist_ok=True)

    def get(self, sha256: str) -> np.ndarray | None:
        """The pixels of a PNG; None when there is no sound copy of them."""
        path = self._folder / sha256
        try:
            with path.open("rb", buffering=0) as file:
                header = file.read(_HEADER.size)
                pixels = self._pixels(file, header, sha256)
        except OSError:
            return None
        if pixels is None:
            self.drop(sha256)
        return pixels

    def put(self, sha256: str, pixels: np.ndarray) -> None:
        """Leave a copy of contiguous (H, W) or (H, W, C) uint8 pixels; a full disk is no error here."""
        height, width = pixels.shape[:2]
        channels = 0 if pixels.ndim == 2 else pixels.shape[2]
        checksum = isal_zlib.crc32(pixels)
        header = _HEADER.pack(_MAGIC, bytes.fromhex(sha256), height, width, channels, checksum)
        temporary = self._folder / f".{secrets.token_hex(16)}"
        try:
            with temporary.open("xb", buffering=0) as file:
                os.writev(file.fileno(), (header, pixels.data))
            temporary.replace(self._folder / sha256)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        self._sweep(pixels.nbytes)

    def drop(self, sha256: str) -> None:
        """Remove a copy."""
        with suppress(OSError):
            (self._folder / sha256).unlink(missing_ok=True)

    def _pixels(self, file: FileIO, header: bytes, sha256: str) -> np.ndarray | None:
        if len(header) != _HEADER.size:
            return None
        magic, digest, height, width, channels, checksum = _HEADER.unpack(header)
        shape = (height, width, channels) if channels else (height, width)
        if magic != _MAGIC or digest.hex() != sha256:
            return None
        size = os.fstat(file.fileno()).st_size - _HEADER.size
        if size != int(np.prod(shape, dtype=np.uint64)):
            return None
        pixels = np.empty(shape, np.uint8)
        if file.readinto(pixels.data) != size or isal_zlib.crc32(pixels) != checksum:
            return None
        return pixels

    def _sweep(self, written_bytes: int) -> None:
        """After every eighth of the allowance written, remove the oldest copies that are over it."""
        with self._lock:
            self._unswept_bytes += written_bytes
            if self._unswept_bytes < self._max_bytes // 8:
                return
            self._unswept_bytes = 0
        copies = []
        with suppress(OSError):
            for entry in os.scandir(self._folder):
                with suppress(FileNotFoundError):
                    status = entry.stat()
                    copies.append((status.st_mtime_ns, status.st_size, Path(entry.path)))
        used_bytes = 0
        for _, size, path in sorted(copies, reverse=True):
            used_bytes += size
            if used_bytes > self._max_bytes:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
