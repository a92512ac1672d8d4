"""Nothing is lost and nothing happens twice while processes are killed and paused at random."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploy.local import Topology
from tests.system.chaos import Monkey, Tally, chaos_topology, submit_along, tally, wait_until_over

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

JOBS = 60
KILLS = 68  # times three seeds: more than 200
EXTRA_AGENT_RUNS = 0.05
SHORT_LEASE = {"ORCHESTRATOR_LEASE_SECONDS": "1", "ORCHESTRATOR_HEARTBEAT_SECONDS": "0.3"}
UNFENCED_WORKER = Path(__file__).with_name("unfenced_worker.py")


def chaos_run(topology: Topology, monkey: Monkey, *, jobs: int) -> Tally:
    """Submit jobs as the monkey goes on, let the dust settle, and count."""
    engine = sa.create_engine(topology.database_url)
    try:
        with topology:
            with ThreadPoolExecutor(1) as client:
                submitting = client.submit(submit_along, monkey, topology.api_url, jobs)
                monkey.run()
                ids = submitting.result()
            wait_until_over(engine, len(ids), seconds=240)
            return tally(engine, len(ids), topology.directory / "agent-runs.ledger", monkey)
    finally:
        engine.dispose()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_accepted_job_finishes_once_however_its_processes_die(tmp_path: Path, seed: int) -> None:
    topology = chaos_topology(tmp_path)

    counted = chaos_run(topology, Monkey(topology, seed, kills=KILLS, pauses=8), jobs=JOBS)

    print(counted)
    assert counted.accepted == JOBS
    assert counted.failures == []
    assert counted.succeeded == counted.accepted
    assert counted.effects == counted.steps
    assert counted.committed_twice == 0
    assert counted.extra_agent_runs <= EXTRA_AGENT_RUNS


def test_without_the_fence_a_paused_worker_commits_a_step_twice(tmp_path: Path) -> None:
    topology = chaos_topology(tmp_path, environment=SHORT_LEASE)
    for name, process in topology.processes.items():
        if name.startswith("worker"):
            process.command = [sys.executable, str(UNFENCED_WORKER)]

    counted = chaos_run(topology, Monkey(topology, seed=7, pauses=8), jobs=30)

    print(counted)
    assert counted.committed_twice > 0


def test_an_embedded_suite_that_is_killed_again_and_again_loses_no_job(tmp_path: Path) -> None:
    topology = chaos_topology(tmp_path, database="sqlite", workers=1)

    counted = chaos_run(topology, Monkey(topology, seed=11, kills=20), jobs=20)

    assert counted.succeeded == counted.accepted == 20
    assert counted.committed_twice == 0
    assert counted.effects == counted.steps
