"""The API and a worker die at every side of their commits, and the next process goes on where they were."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from orchestrator.store.failpoints import KILLED, SIDES
from tests.system.chaos import Monkey, chaos_topology, submit, tally, wait_until_over

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

DYING = str(Path(__file__).with_name("dying_process.py"))
OF_CREATING = ("create.pictures_stored", *(f"create.{side}" for side in SIDES))
OF_ENDING = tuple(f"{operation}.{side}" for operation in ("request_cancel", "delete") for side in SIDES)
OF_WORKER = (
    *(f"{operation}.{side}" for operation in ("claim", "heartbeat", "commit", "ring") for side in SIDES),
    "step.answered",
    "step.rung",
)
ENVIRONMENT = {
    "ORCHESTRATOR_LEASE_SECONDS": "1",
    "ORCHESTRATOR_HEARTBEAT_SECONDS": "0.02",  # one comes while an agent works
    "ORCHESTRATOR_SWEEP_SECONDS": "0.1",
}


def test_every_job_is_finished_by_the_process_after_the_one_that_died(tmp_path: Path) -> None:
    topology = chaos_topology(tmp_path, database="sqlite", workers=1, environment=ENVIRONMENT)
    api, worker = topology.processes["api"], topology.processes["worker-0"]
    api.command = [sys.executable, DYING, "api", *OF_CREATING, *OF_ENDING]
    worker.command = [sys.executable, DYING, "worker", *OF_WORKER]
    engine = sa.create_engine(topology.database_url)

    with topology:
        for number, name in enumerate(OF_WORKER):
            submit(topology.api_url, number)
            until(lambda name=name: f"left {name} with" in worker.log.read_text())
        wait_until_over(engine, len(OF_WORKER), seconds=120)
        counted = tally(engine, len(OF_WORKER), tmp_path / "agent-runs.ledger", Monkey(topology, seed=0))
        worker.send(signal.SIGSTOP)  # the next job is to be canceled before anybody runs it
        job = f"{topology.api_url}/v1/jobs/{submit(topology.api_url, len(OF_WORKER))}"
        assert insist("POST", f"{job}/cancel").json()["status"] == "canceled"
        assert insist("DELETE", job).status_code in (204, 410)
        worker.send(signal.SIGCONT)
    engine.dispose()

    assert counted.failures == []
    assert counted.succeeded == counted.accepted == len(OF_WORKER)
    assert counted.effects == counted.steps
    assert counted.committed_twice == 0
    for process, names in ((api, OF_CREATING + OF_ENDING), (worker, OF_WORKER)):
        ends = [line for line in process.log.read_text().splitlines() if line.startswith("left ")]
        assert ends == [*(f"left {name} with {KILLED}" for name in names), "left None with 0"]


def insist(method: str, url: str) -> httpx.Response:
    """Ask until somebody lives to answer."""
    answers: list[httpx.Response] = []

    def ask() -> bool:
        try:
            answers.append(httpx.request(method, url, timeout=5.0))
        except httpx.TransportError:
            return False
        return answers[-1].status_code != 503

    until(ask)
    return answers[-1]


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"it did not come about within {seconds} s")
        time.sleep(0.05)
