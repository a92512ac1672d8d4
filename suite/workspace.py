"""Where is a refinement kept while it runs, so that it can go on after a kill? In a folder of its output."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from suite.lock import exclusive


@dataclass(frozen=True, slots=True)
class Workspace:
    """State of one refinement."""

    folder: Path
    is_resumed: bool
    """Whether an earlier process left state of this very refinement."""

    @property
    def state(self) -> Path:
        """For the suite: database and pictures."""
        return self.folder / "state"

    @property
    def log(self) -> Path:
        """What the suite logs."""
        return self.folder / "log.jsonl"

    def forget(self) -> None:
        """There is nothing to go on with; the log stays, for whoever wants to know why."""
        shutil.rmtree(self.state, ignore_errors=True)

    def remove(self) -> None:
        """Nothing is left to do: remove it, and the output folder if nothing is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            self.folder.parent.rmdir()


@contextmanager
def open_workspace(out: Path, key: str) -> Iterator[Workspace]:
    """Hold the workspace in `out` for the refinement with this key; state of another one is dropped.

    FolderInUseError when another process refines into the same folder.
    """
    folder = out / ".work"
    with exclusive(folder):
        note = folder / "key"
        is_resumed = note.is_file() and note.read_text() == key
        if not is_resumed:
            shutil.rmtree(folder / "state", ignore_errors=True)
            note.write_text(key)
        yield Workspace(folder, is_resumed and (folder / "state").is_dir())
