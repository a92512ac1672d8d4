"""Blobs in a bucket of any S3-compatible object store."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import SplitResult, parse_qsl

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from editrefiner.artifacts.errors import ArtifactStoreUnavailableError

_OPTIONS = frozenset(("endpoint", "region"))
_MAX_RETRIES = 3  # above this the caller's own retry, which knows its deadline, is the better judge
_RETRY_SECONDS = 20.0
_REQUEST_SECONDS = 30.0


class S3Blobs:
    """A `BlobStore` in one bucket, under an optional prefix.

    An upload is atomic and durable when it returns: that is what the S3 API promises.
    """

    def __init__(self, store: S3Store, where: str) -> None:
        self._store = store
        self._where = where

    def write(self, key: str, content: bytes) -> None:
        """Store a value; a blob that is already there in full is not sent again."""
        if key.startswith("blobs/") and self._size(key) == len(content):
            return
        with self._network(key):
            obstore.put(self._store, key, content, use_multipart=False)

    def read(self, key: str) -> bytes | None:
        """The value; None when there is none."""
        with self._network(key):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except FileNotFoundError:
                return None

    def read_start(self, key: str, count: int) -> bytes | None:
        """At most the first `count` bytes of the value; None when there is none."""
        size = self._size(key)
        if size is None:
            return None
        with self._network(key):
            try:
                end = min(count, size)
                return bytes(obstore.get_range(self._store, key, start=0, end=end)) if end else b""
            except FileNotFoundError:
                return None

    def exists(self, key: str) -> bool:
        """Whether there is a value."""
        return self._size(key) is not None

    def delete(self, key: str) -> None:
        """Remove the value; nothing happens when there is none."""
        with self._network(key):
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                return

    def _size(self, key: str) -> int | None:
        with self._network(key):
            try:
                return obstore.head(self._store, key)["size"]
            except FileNotFoundError:
                return None

    @contextmanager
    def _network(self, key: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as exc:
            raise ArtifactStoreUnavailableError(
                f"the artifact bucket {self._where} did not serve {key}: {type(exc).__name__}. "
                "Check its endpoint, the credentials and that the bucket exists."
            ) from exc


def open_bucket(parts: SplitResult) -> S3Blobs:
    """The bucket of a split `s3://bucket/prefix?endpoint=...&region=...` URL.

    Credentials come from where S3 clients look for them: the AWS_* variables, a web identity, the instance.
    """
    options = dict(parse_qsl(parts.query))
    if options.keys() - _OPTIONS or not parts.netloc:
        raise ValueError(
            f"{parts.geturl()!r} is not a bucket: use s3://bucket/prefix?endpoint=...&region=..."
        )
    store = S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        config=options,  # pyright: ignore[reportArgumentType] -- its keys are checked above
        client_options={
            "allow_http": options.get("endpoint", "").startswith("http://"),
            "timeout": timedelta(seconds=_REQUEST_SECONDS),
        },
        retry_config={
            "max_retries": _MAX_RETRIES,
            "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
        },
    )
    return S3Blobs(store, f"s3://{parts.netloc}{parts.path}")
