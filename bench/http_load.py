"""How fast does a server answer the same request? Keep-alive connections that ask again at once.

python -m bench.http_load HOST PORT CONNECTIONS SECONDS reads a request (head and body, as it goes over the
wire) from its input and prints statuses and latencies as JSON. It runs as a process of its own, so that the
time it takes is not the server's.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
import uvloop


@dataclass(frozen=True, slots=True)
class Load:
    """What came back."""

    statuses: dict[str, int]
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def requests(self) -> int:
        """How many were answered."""
        return sum(self.statuses.values())

    @property
    def per_second(self) -> float:
        """Answers per second of wall time."""
        return self.requests / self.seconds


def load(port: int, request: bytes, *, connections: int, seconds: float) -> Load:
    """Ask again and again for `seconds` and wait for the end."""
    command = [sys.executable, "-m", __name__, "127.0.0.1", str(port), str(connections), str(seconds)]
    done = subprocess.run(command, input=request, capture_output=True, check=True)
    return Load(**json.loads(done.stdout))


def http_request(path: str, *, method: str = "GET", body: bytes = b"", headers: str = "") -> bytes:
    """A request as bytes; `headers` are whole lines."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bytes]:
    """One request and the status and body of its answer."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(head[9:12]), await reader.readexactly(length)


async def _connection(
    host: str, port: int, request: bytes, ends_at: float, seen: list[tuple[int, float]]
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while (begin := time.perf_counter()) < ends_at:
        status, _ = await ask(reader, writer, request)
        seen.append((status, time.perf_counter() - begin))
    writer.close()


async def _run(host: str, port: int, connections: int, seconds: float, request: bytes) -> Load:
    seen: list[tuple[int, float]] = []
    begin = time.perf_counter()
    await asyncio.gather(
        *(_connection(host, port, request, begin + seconds, seen) for _ in range(connections))
    )
    took = time.perf_counter() - begin
    p50, p99 = np.percentile([latency for _, latency in seen], [50, 99])
    statuses = Counter(str(status) for status, _ in seen)
    return Load(dict(statuses), took, 1000 * float(p50), 1000 * float(p99))


def main() -> None:
    """Put one load on one server."""
    host, port, connections, seconds = sys.argv[1:]
    found = uvloop.run(_run(host, int(port), int(connections), float(seconds), sys.stdin.buffer.read()))
    print(json.dumps({name: getattr(found, name) for name in Load.__slots__}))


if __name__ == "__main__":
    main()
