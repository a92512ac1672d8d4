"""A database that falters is asked again; one that stays away is reported as such."""

import threading

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from editrefiner.contracts import JobStatus, StepKind
from orchestrator.jobs import Doorbell, StoreUnavailableError
from orchestrator.store import database, failpoints, open_job_store


class ConnectionLostError(Exception):
    """What a driver raises when the server went away: no SQLSTATE came."""


@pytest.fixture(autouse=True)
def _disarmed():
    yield
    failpoints.disarm()


def lose_connection_at(name: str, times: int = 1) -> list[str]:
    """The connection breaks at this failpoint, so often; tells how often it did."""
    broken: list[str] = []

    def act() -> None:
        if len(broken) < times:
            broken.append(name)
            raise exc.OperationalError("COMMIT", {}, ConnectionLostError("server closed the connection"))

    failpoints.arm(name, act)
    return broken


@pytest.mark.parametrize("side", failpoints.SIDES)
def test_a_create_whose_outcome_is_unknown_makes_one_job(world, side: str) -> None:
    broken = lose_connection_at(f"create.{side}")

    created = world.submit(world.inputs())

    assert broken
    assert not created.replayed
    assert world.rows("SELECT id FROM jobs") == [(created.job.id,)]


@pytest.mark.parametrize("side", failpoints.SIDES)
def test_a_create_with_a_key_whose_outcome_is_unknown_makes_one_job(world, side: str) -> None:
    broken = lose_connection_at(f"create.{side}")

    created = world.submit(world.inputs(), key="k")

    assert broken
    assert not created.replayed
    assert world.rows("SELECT id FROM jobs") == [(created.job.id,)]


@pytest.mark.parametrize("side", failpoints.SIDES)
def test_a_claim_whose_outcome_is_unknown_is_held(world, side: str) -> None:
    job_id = world.create()
    broken = lose_connection_at(f"claim.{side}")

    claim = world.claim(job_id)

    assert broken
    assert world.commit(claim) is not None


@pytest.mark.parametrize("side", failpoints.SIDES)
def test_a_commit_whose_outcome_is_unknown_is_committed_once(world, side: str) -> None:
    job_id = world.create()
    claim = world.claim(job_id)
    broken = lose_connection_at(f"commit.{side}")

    assert world.commit(claim) == Doorbell(job_id, 1, StepKind.PERCEIVE)

    assert broken
    world.assert_consistent()


@pytest.mark.parametrize("side", failpoints.SIDES)
def test_a_cancel_whose_outcome_is_unknown_is_one_cancel(world, side: str) -> None:
    job_id = world.create()
    broken = lose_connection_at(f"request_cancel.{side}")

    assert world.store.request_cancel(job_id).status is JobStatus.CANCELED

    assert broken
    world.assert_consistent()


def test_a_database_that_stays_away_is_unavailable(world) -> None:
    broken = lose_connection_at("create.begin", times=1000)

    with pytest.raises(StoreUnavailableError, match="server closed the connection") as failure:
        world.create()

    assert len(broken) == len(database.RETRY_DELAYS_SECONDS) + 1
    assert failure.value.problem().retryable
    assert failure.value.retry_after_seconds is not None


def test_an_error_of_ours_is_not_tried_again(world) -> None:
    seen: list[str] = []

    def act() -> None:
        seen.append("once")
        raise exc.IntegrityError("INSERT", {}, Exception("duplicate key"))

    failpoints.arm("create.before_commit", act)
    with pytest.raises(exc.IntegrityError):
        world.create()

    assert seen == ["once"]


def test_a_writer_waits_for_another_process_to_finish(world) -> None:
    """SQLite: the file is locked. PostgreSQL: the job's row is."""
    job_id = world.create()
    locked, may_go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with world.engine.begin() as connection:
            connection.execute(sa.text("UPDATE jobs SET version = version WHERE id = :id"), {"id": job_id})
            locked.set()
            may_go_on.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    locked.wait(10)
    canceling = threading.Thread(target=lambda: world.store.request_cancel(job_id))
    canceling.start()
    assert world.store.get(job_id).status is JobStatus.QUEUED, "readers do not wait"
    may_go_on.set()
    other.join()
    canceling.join()

    assert world.store.get(job_id).status is JobStatus.CANCELED


@pytest.mark.process
def test_a_store_outlives_a_restart_of_its_server(new_postgresql, postgresql_template: str) -> None:
    url = new_postgresql(postgresql_template)
    store = open_job_store(url)
    store.ping()
    other = database.create_engine(url)
    with other.connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.dispose()

    store.ping()
    assert store.page(status=None, created_after=None, limit=1, before=None) == []
    store.close()
