"""How many status polls and submissions does one process of the job API answer?

python -m bench.job_api [--rounds 3] [--seconds 4]

One uvicorn process on PostgreSQL and Valkey; clients keep their connections. In turns: a static endpoint of
the same app (`/livez`, the floor), polls of a job, and polls with `If-None-Match` that are answered with 304.
Per core means per second of the API's own processor time, which load on the machine hardly changes.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from bench.cpu import children_cpu_seconds
from bench.http_load import Load, http_request, load
from bench.results_file import keep
from deploy.local import Topology
from editrefiner.artifacts import encode_png

CONNECTIONS = 16
API = "orchestrator api"
AGENTS = ("perception", "reasoning", "action", "evaluation")


@contextmanager
def running_api(folder: Path) -> Iterator[Topology]:
    """PostgreSQL, Valkey and the API; no worker, so jobs stay as they are."""
    topology = Topology(folder, workers=0)
    try:
        for name, process in topology.processes.items():
            if name not in AGENTS:
                process.start()
                process.wait_ready()
        yield topology
    finally:
        topology.stop()


def submission(url: str, number: int) -> dict[str, Any]:
    """A request for a job whose pictures have been uploaded before."""
    picture = np.full((64, 64, 3), number % 256, np.uint8)
    ids = []
    for shade in (0, 1):
        files = {"file": ("picture.png", encode_png(picture + np.uint8(shade)), "image/png")}
        ids.append(httpx.post(f"{url}/v1/artifacts", files=files).raise_for_status().json()["sha256"])
    return {
        "source": f"sha256:{ids[0]}",
        "edited": f"sha256:{ids[1]}",
        "instruction": "Make it brighter",
    }


def measured_load(port: int, request: bytes, seconds: float, *, status: str) -> dict[str, float]:
    """Answers per second and per second of the API's processor."""
    before = children_cpu_seconds(API)
    seen = load(port, request, connections=CONNECTIONS, seconds=seconds)
    _require_only(seen, status)
    return {
        "per_second": seen.per_second,
        "per_core": seen.requests / (children_cpu_seconds(API) - before),
        "p50_ms": seen.p50_ms,
        "p99_ms": seen.p99_ms,
    }


def polls(topology: Topology, body: dict[str, Any], rounds: int, seconds: float) -> dict[str, Any]:
    """Medians over the rounds, and what they are of the floor's in the same round."""
    answer = httpx.post(f"{topology.api_url}/v1/jobs", json=body).raise_for_status()
    path = f"/v1/jobs/{answer.json()['id']}"
    requests = {
        "floor": (http_request("/livez"), "200"),
        "poll": (http_request(path), "200"),
        "poll_not_modified": (
            http_request(path, headers=f"If-None-Match: {answer.headers['etag']}\r\n"),
            "304",
        ),
    }
    port = topology.ports["api"]
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in requests}
    for _ in range(rounds):
        for name, (request, status) in requests.items():
            seen[name].append(measured_load(port, request, seconds, status=status))
    figures: dict[str, Any] = {}
    for name, each in seen.items():
        figures[name] = {figure: float(np.median([one[figure] for one in each])) for figure in each[0]}
        ratios = [one["per_core"] / floor["per_core"] for one, floor in zip(each, seen["floor"], strict=True)]
        figures[name]["of_floor"] = float(np.median(ratios))
    return figures


def submissions(topology: Topology, body: dict[str, Any], seconds: float) -> dict[str, Any]:
    """One client that submits one job after another, then 16 at a time."""
    request = http_request(
        "/v1/jobs",
        method="POST",
        body=json.dumps(body).encode(),
        headers="Content-Type: application/json\r\n",
    )
    figures = {}
    for connections in (1, CONNECTIONS):
        before = children_cpu_seconds(API)
        seen = load(topology.ports["api"], request, connections=connections, seconds=seconds)
        _require_only(seen, "202")
        figures[f"clients_{connections}"] = {
            "jobs": seen.requests,
            "per_second": seen.per_second,
            "per_core": seen.requests / (children_cpu_seconds(API) - before),
            "p50_ms": seen.p50_ms,
            "p99_ms": seen.p99_ms,
        }
    return figures


def _require_only(seen: Load, status: str) -> None:
    if set(seen.statuses) != {status}:
        raise RuntimeError(f"answers other than {status}: {seen.statuses}")


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="job-api-") as folder, running_api(Path(folder)) as topology:
        body = submission(topology.api_url, 7)
        figures = {
            "connections": CONNECTIONS,
            **polls(topology, body, options.rounds, options.seconds),
            "submit": submissions(topology, body, options.seconds),
        }
    for name in ("floor", "poll", "poll_not_modified"):
        row = figures[name]
        print(
            f"{name:18} {row['per_second']:7.0f}/s {row['per_core']:7.0f}/s and core  "
            f"x floor {row['of_floor']:.2f}  p50 {row['p50_ms']:.1f} ms  p99 {row['p99_ms']:.1f} ms"
        )
    for clients, row in figures["submit"].items():
        print(
            f"submit {clients:11} {row['per_second']:7.0f}/s {row['per_core']:7.0f}/s and core  "
            f"p50 {row['p50_ms']:.1f} ms  p99 {row['p99_ms']:.1f} ms  ({row['jobs']} jobs)"
        )
    keep("job_api", figures)


if __name__ == "__main__":
    main()
