"""Who may use a folder? One process at a time: the lock goes with the process, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError


class FolderInUseError(ProblemError):
    """Another process holds the folder."""

    code: ClassVar[ProblemCode] = ProblemCode.CONFLICT
    status: ClassVar[int] = 409


class FolderUnusableError(ProblemError):
    """The folder cannot be made or written to."""

    code: ClassVar[ProblemCode] = ProblemCode.BAD_REQUEST
    status: ClassVar[int] = 400


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold `folder`, made where it is missing. FolderInUseError when another process does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = (folder / "lock").open("w")
    except OSError as exc:
        raise FolderUnusableError(f"{folder} cannot be used as a folder: {exc.strerror}.") from exc
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise FolderInUseError(
                f"{folder} is in use by another editrefiner process; wait for it or name another folder."
            ) from exc
        yield
