"""With ten thousand queued jobs, no claim and no sweep reads the jobs or steps from end to end."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from editrefiner.contracts import JobStatus
from orchestrator.store import schema

JOBS = 10_000
LARGE = ("jobs", "steps")


@pytest.fixture
def crowd(world) -> str:
    """Ten thousand queued jobs; every tenth is due for a ring. The one returned can be claimed."""
    job_id = world.create(deadline_seconds=3600)
    with world.engine.begin() as connection:
        now = connection.execute(sa.select(schema.database_clock())).scalar_one()
        job = dict(connection.execute(sa.select(schema.jobs)).one()._mapping)
        step = dict(connection.execute(sa.select(schema.steps)).one()._mapping)
        ids = [f"{number:026d}" for number in range(JOBS)]
        connection.execute(sa.insert(schema.jobs), [{**job, "id": one} for one in ids])
        rings = [now - 5 if number % 10 == 0 else now + 100 for number in range(JOBS)]
        connection.execute(
            sa.insert(schema.steps),
            [{**step, "job_id": one, "ring_at": ring} for one, ring in zip(ids, rings, strict=True)],
        )
        connection.exec_driver_sql("ANALYZE")
    return job_id


class Watch:
    """Notes every statement the store runs, and asks the database how it carries it out."""

    def __init__(self, world) -> None:
        self._engine: sa.Engine = world.engine
        self._watched: sa.Engine = world.store._database._engine
        self._statements: list[tuple[str, Any]] = []

    def __enter__(self):
        event.listen(self._watched, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._watched, "before_cursor_execute", self._note)

    def _note(self, connection, cursor, statement: str, parameters, context, executemany: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            self._statements.append((statement, parameters[0] if executemany else parameters))

    def read_from_end_to_end(self) -> list[str]:
        """Statements that go through a large table."""
        assert self._statements
        with self._engine.connect() as connection:
            return [
                statement
                for statement, parameters in self._statements
                if any(table in LARGE for table in scanned(connection, statement, parameters))
            ]


def scanned(connection: sa.Connection, statement: str, parameters: Any) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
            if row.detail.startswith("SCAN") and "USING" not in row.detail:
                yield row.detail.split()[1]
    else:
        plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar_one()
        nodes = [plan[0]["Plan"]]
        while nodes:
            node = nodes.pop()
            nodes += node.get("Plans", [])
            if node["Node Type"] == "Seq Scan":
                yield node["Relation Name"]


def test_a_claim_finds_its_step_by_its_key(world, crowd: str) -> None:
    with Watch(world) as watch:
        claim = world.claim(crowd)
        world.store.heartbeat(claim)
        world.commit(claim)

    assert watch.read_from_end_to_end() == []


def test_a_sweep_reads_only_what_is_due(world, crowd: str) -> None:
    with Watch(world) as watch:
        bells = world.store.sweep(limit=100)

    assert len(bells) == 100
    assert watch.read_from_end_to_end() == []


def test_a_sweep_finds_those_to_be_ended_among_the_others(world, crowd: str) -> None:
    world.claim(crowd)
    world.store.request_cancel(crowd)
    world.pass_time(31)

    with Watch(world) as watch:
        world.store.sweep(limit=100)

    assert world.store.get(crowd).status is JobStatus.CANCELED
    assert watch.read_from_end_to_end() == []


def test_a_purge_reads_only_what_has_expired(world, crowd: str) -> None:
    world.store.request_cancel(crowd)
    world.pass_time(8 * 86_400)

    with Watch(world) as watch:
        world.store.purge()

    assert world.rows("SELECT job_id FROM tombstones") == [(crowd,)]
    assert watch.read_from_end_to_end() == []


def test_a_page_reads_only_its_own_jobs(world, crowd: str) -> None:
    with Watch(world) as watch:
        first = world.store.page(status=None, created_after=None, limit=20, before=None)
        world.store.page(status=JobStatus.QUEUED, created_after=None, limit=20, before=first[-1].id)

    assert watch.read_from_end_to_end() == []
