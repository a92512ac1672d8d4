"""Kills and pauses processes of a topology at random, and tells from the database what was lost."""

import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from deploy.local import Topology
from editrefiner.artifacts import encode_png
from editrefiner.contracts import JobStatus
from orchestrator.jobs import EventType
from orchestrator.store import schema

ENVIRONMENT = {
    "ORCHESTRATOR_LEASE_SECONDS": "3",
    "ORCHESTRATOR_HEARTBEAT_SECONDS": "1",
    "ORCHESTRATOR_SWEEP_SECONDS": "0.5",
    "ORCHESTRATOR_CRASH_ATTEMPTS": "20",  # here it is never the picture's fault
}


@dataclass
class Tally:
    """What a run did and what the database says of it."""

    accepted: int
    succeeded: int
    kills: int
    pauses: int
    failures: list[str]
    steps: int
    committed_twice: int
    effects: int
    agent_runs: int

    @property
    def extra_agent_runs(self) -> float:
        """Repeated agent work as a share of the steps."""
        return self.agent_runs / self.steps - 1


def chaos_topology(directory: Path, **options) -> Topology:
    """The real topology with agents that work a moment and keep a ledger of their starts."""
    ledger = directory / "agent-runs.ledger"
    environment = {**ENVIRONMENT, **options.pop("environment", {})}
    return Topology(
        directory,
        environment=environment,
        agent_command=lambda agent: ["-m", "tests.system.chaos_agent", agent, str(ledger)],
        **options,
    )


def submit(url: str, number: int, seconds: float = 120.0) -> str:
    """Create job `number`, again and again under one key until it is accepted."""
    picture = np.full((16, 16, 3), 40 + number % 8, np.uint8)
    picture[0, 0] = (number % 256, number // 256, 0)  # its own: no agent has the answer from another job
    files = {name: (f"{name}.png", encode_png(picture), "image/png") for name in ("source", "edited")}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            answer = httpx.post(
                f"{url}/v1/jobs",
                files=files,
                data={"instruction": "Make it brighter"},
                headers={"Idempotency-Key": f"job-{number}"},
                timeout=5.0,
            )
            if answer.status_code in (200, 202):
                return answer.json()["id"]
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise TimeoutError(f"job {number} was not accepted within {seconds} s")


class Monkey:
    """Kills one process after the other and starts it again; beside that, pauses workers past their lease."""

    def __init__(self, topology: Topology, seed: int, *, kills: int = 0, pauses: int = 0) -> None:
        self._topology = topology
        self._seed = seed
        self._planned_kills = kills
        self._planned_pauses = pauses
        self.kills = 0
        self.pauses = 0

    @property
    def progress(self) -> float:
        """The share of what is planned that has been done."""
        return (self.kills + self.pauses) / (self._planned_kills + self._planned_pauses)

    def run(self) -> None:
        """Strike until everything planned has happened. On the main thread: what it starts ends with it."""
        with ThreadPoolExecutor(1) as beside:
            pauses = beside.submit(self._strike, self._pause, self._planned_pauses)
            self._strike(self._kill, self._planned_kills)
            pauses.result()

    def _strike(self, strike: Callable[[random.Random], None], times: int) -> None:
        choices = random.Random(f"{self._seed} {strike.__name__}")
        for _ in range(times):
            strike(choices)

    def _kill(self, choices: random.Random) -> None:
        time.sleep(choices.uniform(0.1, 0.7))
        victim = choices.choice(list(self._topology.processes.values()))
        victim.kill()
        time.sleep(choices.uniform(0.0, 0.2))
        victim.start()
        self.kills += 1

    def _pause(self, choices: random.Random) -> None:
        time.sleep(choices.uniform(0.1, 0.7))
        workers = [process for name, process in self._topology.processes.items() if name.startswith("worker")]
        victim = choices.choice(workers)
        lease = float(victim.environment["ORCHESTRATOR_LEASE_SECONDS"])
        victim.send(signal.SIGSTOP)
        time.sleep(choices.uniform(1.3, 2.0) * lease)
        victim.send(signal.SIGCONT)
        self.pauses += 1


def submit_along(monkey: Monkey, url: str, jobs: int) -> set[str]:
    """Create jobs one by one while the monkey goes on."""
    ids = set()
    for number in range(jobs):
        while monkey.progress < number / jobs:
            time.sleep(0.05)
        ids.add(submit(url, number))
    return ids


def wait_until_over(engine: sa.Engine, jobs: int, seconds: float) -> None:
    """Wait until every job has ended; a database that is just coming back is asked again."""
    until = time.monotonic() + seconds
    over = 0
    while time.monotonic() < until:
        try:
            with engine.connect() as connection:
                query = "SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL"
                over = connection.execute(sa.text(query)).scalar_one()
        except OperationalError:
            pass
        if over == jobs:
            return
        time.sleep(0.5)
    raise TimeoutError(f"{over} of {jobs} jobs were over after {seconds} s")


def tally(engine: sa.Engine, accepted: int, ledger: Path, monkey: Monkey) -> Tally:
    """Count what happened, from the tables and the agents' ledger."""
    with engine.connect() as connection:

        def count(query: str) -> int:
            return int(connection.execute(sa.text(query)).scalar_one())

        query = sa.select(schema.events).where(schema.events.c.type == EventType.STEP_COMPLETED)
        completed = [(row.job_id, row.detail["seq"]) for row in connection.execute(query)]
        failed = sa.select(schema.jobs.c.error).where(schema.jobs.c.status != JobStatus.SUCCEEDED)
        return Tally(
            accepted=accepted,
            succeeded=count("SELECT count(*) FROM jobs WHERE status = 'succeeded'"),
            failures=[str(error) for error in connection.execute(failed).scalars()],
            kills=monkey.kills,
            pauses=monkey.pauses,
            steps=count("SELECT count(*) FROM steps WHERE status = 'done'"),
            committed_twice=len(completed) - len(set(completed)),
            effects=count("SELECT count(*) FROM ledger"),
            agent_runs=len(ledger.read_text().splitlines()),
        )
