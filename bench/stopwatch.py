"""Where does a job's time go? A process that notes when the seams of the suite are entered and left.

python -m bench.stopwatch TRACE MODULE [ARGUMENT ...] runs a module as `python -m MODULE` does and appends one
JSON line to TRACE for each call at a seam: what, in which thread, begin and end in seconds since 1970.
"""

import functools
import json
import os
import runpy
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from editrefiner.artifacts import ArtifactStore
from editrefiner.client import AgentClient
from orchestrator.store import SqlJobStore

READING, WRITING = ("pixels", "gray"), ("put_pixels",)
STORE = ("claim", "commit")

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Span:
    """One call at a seam."""

    what: str
    thread: str
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.begin


class Trace:
    """A file of spans that several processes append to."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    @contextmanager
    def span(self, what: str) -> Iterator[None]:
        """Note what happens inside, also when it fails."""
        begin = time.time()
        try:
            yield
        finally:
            span = Span(what, threading.current_thread().name, begin, time.time())
            os.write(self._file, json.dumps(asdict(span)).encode() + b"\n")

    def watch(self) -> None:
        """Note the calls at every seam of this process from now on."""
        for name in READING:
            setattr(ArtifactStore, name, self._timed("read", getattr(ArtifactStore, name)))
        for name in WRITING:
            setattr(ArtifactStore, name, self._timed("write", getattr(ArtifactStore, name)))
        for name in STORE:
            setattr(SqlJobStore, name, self._timed(name, getattr(SqlJobStore, name)))
        AgentClient.call = self._awaited("call", AgentClient.call)  # type: ignore[method-assign]

    def _timed(self, what: str, function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.span(what):
                return function(*args, **kwargs)

        return timed

    def _awaited(self, what: str, function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @functools.wraps(function)
        async def timed(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.span(what):
                return await function(*args, **kwargs)

        return timed


def read_trace(path: Path, begin: float, end: float) -> list[Span]:
    """The spans that lie within a stretch of time, in order of their beginning."""
    spans = [Span(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
    return sorted((span for span in spans if begin <= span.begin <= end), key=lambda span: span.begin)


def main() -> None:
    """Run a module under the stopwatch."""
    trace, module, *arguments = sys.argv[1:]
    Trace(Path(trace)).watch()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
