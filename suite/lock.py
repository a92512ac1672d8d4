"""Who may use a folder or write a file? One process at a time: locks go with it, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar, TextIO

from editrefiner.contracts import ProblemCode, ProblemError


class FolderInUseError(ProblemError):
    """Another process holds the folder."""

    code: ClassVar[ProblemCode] = ProblemCode.CONFLICT
    status: ClassVar[int] = 409


class FileInUseError(ProblemError):
    """Another process writes the file."""

    code: ClassVar[ProblemCode] = ProblemCode.CONFLICT
    status: ClassVar[int] = 409


class FolderUnusableError(ProblemError):
    """The folder, or that of the file, cannot be made or written to."""

    code: ClassVar[ProblemCode] = ProblemCode.BAD_REQUEST
    status: ClassVar[int] = 400


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold `folder`, made where it is missing. FolderInUseError when another process does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = _locked(folder / "lock")
    except BlockingIOError as exc:
        raise FolderInUseError(
            f"{folder} is in use by another editrefiner process; wait for it or name another folder."
        ) from exc
    except OSError as exc:
        raise FolderUnusableError(f"{folder} cannot be used as a folder: {exc.strerror}.") from exc
    with held:
        yield


@contextmanager
def exclusive_file(path: Path) -> Iterator[None]:
    """Hold the file that is to be written, whose folder is made. FileInUseError when another process does."""
    beside = path.parent / f".{path.name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = _locked(beside)
    except BlockingIOError as exc:
        raise FileInUseError(
            f"{path} is being written by another editrefiner process; wait for it or name another file."
        ) from exc
    except OSError as exc:
        raise FolderUnusableError(f"{path} cannot be written to: {exc.strerror}.") from exc
    with held:
        try:
            yield
        finally:
            with suppress(OSError):  # a folder that is gone has no lock left to remove
                beside.unlink()


def _locked(path: Path) -> TextIO:
    """The lock file, held. BlockingIOError when another process holds it."""
    while True:
        held = path.open("w")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(held.fileno()).st_nlink:  # else its last holder removed it meanwhile
                return held
        except OSError:
            held.close()
            raise
        held.close()
