"""A job does not need its doorbells: the broker may lose all of them."""

from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from tests.system.chaos import chaos_topology, submit, wait_until_over
from tests.system.cutting_proxy import CuttingProxy

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

JOBS = 5


def test_a_reply_of_the_broker_that_is_cut_on_the_wire_loses_no_job(tmp_path: Path) -> None:
    topology = chaos_topology(tmp_path, workers=1)
    proxy = CuttingProxy(topology.ports["redis"], marker=b"step.run", cuts=5)
    worker = topology.processes["worker-0"]
    worker.environment["ORCHESTRATOR_REDIS_URL"] = f"redis://127.0.0.1:{proxy.port}/0"
    engine = sa.create_engine(topology.database_url)

    with topology:
        for number in range(JOBS):
            submit(topology.api_url, number)
        wait_until_over(engine, JOBS, seconds=150)
    engine.dispose()
    proxy.close()

    assert proxy.dropped == 5


def test_a_broker_that_forgets_everything_again_and_again_loses_no_job(tmp_path: Path) -> None:
    topology = chaos_topology(tmp_path, workers=1)
    engine = sa.create_engine(topology.database_url)

    with topology, redis.Redis(port=topology.ports["redis"]) as broker:
        for number in range(JOBS):
            submit(topology.api_url, number)
            broker.flushall()
        wait_until_over(engine, JOBS, seconds=150)
    engine.dispose()
