"""What can this machine run? Findings about the system, the packages, the agents and what they stand on."""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from suite.machine import Finding, State, cpu, disk, memory, packages, ports, python
from suite.settings import SuiteSettings
from suite.silence import silenced

STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red"}
Check = Callable[[], Iterator[Finding]]


@silenced(logging.CRITICAL)  # the findings tell what went wrong
def run(options: argparse.Namespace) -> int:
    """`editrefiner doctor`: 1 when something that refine or serve needs is missing."""
    console = Console(highlight=False, soft_wrap=True)
    findings: list[Finding] = []
    for finding in examine():
        findings.append(finding)
        if not options.json:
            mark = f"[{STYLES[finding.state]}]{finding.state:<5}[/]"
            console.print(f"{mark} {finding.topic:<12} {escape(finding.detail)}")
    failed = any(finding.state is State.FAILED for finding in findings)
    if options.json:
        json.dump([asdict(finding) for finding in findings], sys.stdout, indent=2)
        sys.stdout.write("\n")
    elif failed:
        console.print("\nSomething that refine and serve need is missing; see above.")
    else:
        console.print("\nrefine and serve can run here.")
    return int(failed)


def examine() -> Iterator[Finding]:
    """Every finding, one after the other: the later ones take some seconds."""
    yield python()
    yield packages()
    yield cpu()
    yield memory()
    yield disk(SuiteSettings().data)
    with tempfile.TemporaryDirectory(prefix="editrefiner-doctor-") as folder:
        for name, check in (("broker", broker), ("database", database)):
            yield guarded(name, check, Path(folder))
        yield from agents(Path(folder))
    yield ports()


def guarded(topic: str, check: Callable[[Path], str], folder: Path) -> Finding:
    """What a check says, or why it could not say it."""
    try:
        return Finding(topic, State.OK, check(folder))
    except Exception as error:  # noqa: BLE001 — whatever is broken here is a finding
        return Finding(topic, State.FAILED, f"{type(error).__name__}: {error}")


def broker(folder: Path) -> str:
    """Start the packaged server, or reach the one that REDIS_URL names."""
    from redis import Redis  # noqa: PLC0415 — a missing package is a finding, not a crash

    url = SuiteSettings().redis_url
    if url is not None:
        with Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3) as client:
            return f"{_version(client.info('server'))} at REDIS_URL"
    from suite.broker import running_broker  # noqa: PLC0415 — as above

    async def started() -> str:
        async with running_broker(folder / "broker") as socket:
            with Redis(unix_socket_path=str(socket), socket_timeout=3) as client:
                return f"{_version(client.info('server'))}, packaged; started on a private socket when needed"

    return asyncio.run(started())


def database(folder: Path) -> str:
    """Make a job store and ask it something."""
    import sqlite3  # noqa: PLC0415 — as above

    from orchestrator.store import migrate, open_job_store  # noqa: PLC0415 — as above

    url = f"sqlite:///{folder / 'jobs.sqlite'}"
    migrate(url)
    store = open_job_store(url)
    try:
        store.ping()
    finally:
        store.close()
    return f"SQLite {sqlite3.sqlite_version}, in a file beside the pictures"


def agents(folder: Path) -> Iterator[Finding]:
    """Load each agent and let it do one run."""
    try:
        from suite.trial import tried_agents  # noqa: PLC0415 — as above
    except ImportError as exc:
        yield Finding("agents", State.FAILED, f"cannot be imported: {exc}")
        return
    yield from asyncio.run(tried_agents(folder))


def _version(described: Any) -> str:  # Any: what redis-py makes of INFO
    name = "Valkey" if "valkey_version" in described else "Redis"
    return f"{name} {described.get('valkey_version') or described['redis_version']}"
