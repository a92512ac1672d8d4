"""How is one picture refined three ways, from two PNGs in memory to the refined PNG on disk?

- plain: decode, the loop in one process with pictures in memory, encode and write (no fsync).
- embedded: the suite in one process as `editrefiner refine` runs it, already started. The refined picture is
  read from its store and written.
- processes: PostgreSQL, Valkey, job API, one worker and four agents over HTTP. The refined picture is
  downloaded and written.

python -m bench.overhead_arms plain|embedded FOLDER TRACE runs one of the first two on the tasks that come as
JSON lines on its input and answers with one line each.
"""

import asyncio
import base64
import json
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from bench.agents import plain_calls
from bench.plain import MemoryPictures, refine_plainly
from bench.stopwatch import Trace
from editrefiner.artifacts import decode_image, encode_png
from editrefiner.client import JobsClient
from editrefiner.contracts import ImageLimits, ImageRef, Job, JobRequest, RefinementParameters
from editrefiner.telemetry import configure_logging
from suite.embedded import EmbeddedSuite
from suite.following import follow
from suite.progress import Silence


@dataclass(frozen=True, slots=True)
class Task:
    """A picture to refine, in files, and where the refined one goes."""

    source: str
    edited: str
    instruction: str
    out: str

    def pictures(self) -> tuple[bytes, bytes]:
        """The two PNGs: as they are before the clock starts."""
        return Path(self.source).read_bytes(), Path(self.edited).read_bytes()

    def write(self, png: bytes) -> None:
        """Leave the refined picture."""
        Path(self.out).write_bytes(png)


@dataclass(frozen=True, slots=True)
class Run:
    """What one refinement took; moments are seconds since 1970."""

    began: float
    accepted: float
    known: float
    """When the caller knew that it was over."""
    done: float
    """When the refined picture was written."""
    agents: dict[str, float]
    """Compute seconds by agent, as the loop counts them."""

    @property
    def seconds(self) -> float:
        """From two PNGs in memory to a PNG on disk."""
        return self.done - self.began


def refine_task_plainly(task: Task) -> Run:
    """Refine in this process."""
    source, edited = task.pictures()
    pictures = MemoryPictures()
    calls = plain_calls(pictures)
    began = time.time()
    limits = ImageLimits()
    decoded = [decode_image(data, limits).pixels for data in (source, edited)]
    accepted = time.time()
    finish, _, seconds = refine_plainly(
        calls, pictures, decoded[0], decoded[1], task.instruction, RefinementParameters()
    )
    known = time.time()
    assert finish.result is not None, "every planted picture has a result"
    task.write(encode_png(pictures.pixels(finish.result.image)))
    return Run(began, accepted, known, time.time(), dict(seconds))


async def refine_task_as_job(
    task: Task,
    jobs: JobsClient,
    finished: Callable[[str], Awaitable[Job | None]],
    fetch: Callable[[ImageRef], Awaitable[bytes]],
) -> Run:
    """Refine by a job API."""
    source, edited = task.pictures()
    began = time.time()
    request = JobRequest(source=_data_uri(source), edited=_data_uri(edited), instruction=task.instruction)
    job = await jobs.submit(request)
    accepted = time.time()
    ended = await finished(job.id)
    known = time.time()
    if ended is None or ended.result is None:
        raise RuntimeError(f"job {job.id} has no result: {ended}")
    task.write(await fetch(ended.result.image))
    return Run(began, accepted, known, time.time(), ended.result.agent_seconds)


class Child:
    """An arm in a process of its own, given one task after another."""

    def __init__(self, arm: str, folder: Path, trace: Path) -> None:
        command = [sys.executable, "-m", __name__, arm, str(folder), str(trace)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def refine(self, task: Task) -> Run:
        """Have one task done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(task)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process ended with status {self._process.wait()}")
        return Run(**json.loads(line))


def _data_uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _serve_plainly() -> None:
    for line in sys.stdin:
        print(json.dumps(asdict(refine_task_plainly(Task(**json.loads(line))))), flush=True)


async def _serve_embedded(folder: Path) -> None:
    nobody_asks: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()
    async with EmbeddedSuite(folder) as suite:

        async def finished(job_id: str) -> Job | None:
            return await follow(suite.jobs, job_id, Silence(), nobody_asks)

        async def fetch(image: ImageRef) -> bytes:
            return await asyncio.to_thread(suite.artifacts.bytes, image.sha256)

        while line := await asyncio.to_thread(sys.stdin.readline):
            run = await refine_task_as_job(Task(**json.loads(line)), suite.jobs, finished, fetch)
            print(json.dumps(asdict(run)), flush=True)


def main() -> None:
    """Serve one arm until the input ends."""
    arm, folder, trace = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    cv2.setNumThreads(1)
    if arm == "plain":
        _serve_plainly()
        return
    Trace(trace).watch()
    with (folder / "suite.log").open("a") as log:
        configure_logging("suite", stream=log)
        asyncio.run(_serve_embedded(folder / "state"))


if __name__ == "__main__":
    main()
