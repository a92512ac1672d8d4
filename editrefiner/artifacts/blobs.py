"""What the artifact store needs of the place where it keeps bytes."""

from typing import Protocol


class BlobStore(Protocol):
    """Bytes by key (`blobs/<sha256>`, `records/<key>`). Safe to share between threads and processes.

    What a write returned from is on stable storage, and a reader sees a whole value or none.
    `ArtifactStoreUnavailableError` is the only error that is raised on purpose.
    """

    def write(self, key: str, content: bytes) -> None:
        """Store a value in place of any earlier one."""
        ...

    def read(self, key: str) -> bytes | None:
        """The value; None when there is none."""
        ...

    def read_start(self, key: str, count: int) -> bytes | None:
        """At most the first `count` bytes of the value; None when there is none."""
        ...

    def exists(self, key: str) -> bool:
        """Whether there is a value."""
        ...

    def delete(self, key: str) -> None:
        """Remove the value; nothing happens when there is none."""
        ...
