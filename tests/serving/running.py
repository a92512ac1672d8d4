"""The scripted service as a real process, and what a test does with it."""

import asyncio
import contextlib
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.serving.scripted import SECONDS, question

SCRIPT = Path(__file__).with_name("scripted_process.py")


@dataclass
class Running:
    process: Process
    client: httpx.AsyncClient
    directory: Path
    port: int

    def started(self) -> list[str]:
        lines = self.directory / "started"
        return lines.read_text().splitlines() if lines.exists() else []

    async def until_started(self, instruction: str) -> None:
        await self.until(lambda: instruction in self.started())

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not condition():  # noqa: ASYNC110 — it comes true in another process
                await asyncio.sleep(0.02)

    async def score(self, instruction: str, **headers: str) -> httpx.Response:
        return await self.client.post("/v1/score", json=question(instruction), headers=headers)

    def finish_runs(self) -> None:
        (self.directory / "finish").touch()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def exit_status(self) -> int:
        return await asyncio.wait_for(self.process.wait(), SECONDS)

    async def probe(self, path: str) -> int:
        return (await self.client.get(path)).status_code

    async def metric(self, name: str) -> float:
        text = (await self.client.get("/metrics")).text
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


@contextlib.asynccontextmanager
async def service(directory: Path, *, drain_seconds: float = 60) -> AsyncGenerator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), str(directory), str(port), str(drain_seconds), stderr=PIPE
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client:
            running = Running(process, client, directory, port)
            await until_ready(running)
            yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()  # closes the pipe


async def until_ready(running: Running) -> None:
    async with asyncio.timeout(3 * SECONDS):  # a new interpreter on a busy machine
        while True:
            with contextlib.suppress(httpx.TransportError):
                if await running.probe("/readyz") == 200:
                    return
            assert running.process.returncode is None
            await asyncio.sleep(0.05)
