"""Blobs in a local or shared directory: whole or absent after any crash."""

import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from editrefiner.artifacts.errors import ArtifactStoreUnavailableError

_SHARDS = tuple(f"{number:02x}" for number in range(256))  # thousands of files per folder stay quick to list
_ROOMS = ("blobs", "records")
_ABANDONED_SECONDS = 3600.0  # a temporary file this old belongs to a process that died


class DirectoryBlobs:
    """A `BlobStore` under one directory, which several processes may use at once.

    A value is written to a temporary file, fsynced, renamed into place, and its folder fsynced. Every folder
    is made and fsynced at the start, so that no value can be lost with the folder that it is in.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        with _disk(root):
            self._incoming.mkdir(parents=True, exist_ok=True)
            for room in _ROOMS:
                for shard in _SHARDS:
                    (root / room / shard).mkdir(parents=True, exist_ok=True)
                _sync_directory(root / room)
            _sync_directory(root)
            self._clear_abandoned()

    def write(self, key: str, content: bytes) -> None:
        """Store a value; one that is already there with the same content is left as it is."""
        path = self._path(key)
        with _disk(path):
            if _content(path) != content:
                self._replace(path, content)
            _sync_directory(path.parent)  # also for a value that another process has only just renamed

    def read(self, key: str) -> bytes | None:
        """The value; None when there is none."""
        path = self._path(key)
        with _disk(path):
            return _content(path)

    def read_start(self, key: str, count: int) -> bytes | None:
        """At most the first `count` bytes of the value; None when there is none."""
        path = self._path(key)
        with _disk(path):
            try:
                with path.open("rb", buffering=0) as file:
                    return file.read(count)
            except FileNotFoundError:
                return None

    def exists(self, key: str) -> bool:
        """Whether there is a value."""
        path = self._path(key)
        with _disk(path):
            return path.is_file()

    def delete(self, key: str) -> None:
        """Remove the value; nothing happens when there is none."""
        path = self._path(key)
        with _disk(path):
            path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        room, _, name = key.partition("/")
        shard = name[:2] if room == "blobs" else hashlib.sha256(name.encode()).hexdigest()[:2]
        return self._root / room / shard / name

    def _replace(self, path: Path, content: bytes) -> None:
        temporary = self._incoming / secrets.token_hex(16)
        try:
            with temporary.open("xb", buffering=0) as file:
                _write_whole(file.fileno(), content)
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

    def _clear_abandoned(self) -> None:
        oldest = time.time() - _ABANDONED_SECONDS
        for path in self._incoming.iterdir():
            with suppress(FileNotFoundError):  # another process clears too
                if path.stat().st_mtime < oldest:
                    path.unlink()


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Name the path and the cause when the disk refuses."""
    try:
        yield
    except OSError as exc:
        raise ArtifactStoreUnavailableError(
            f"the artifact directory cannot be used at {path}: {exc.strerror or exc}. "
            "Check that it is mounted, writable and not full."
        ) from exc


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write_whole(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
