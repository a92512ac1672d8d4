"""What can be read, in order and without gaps."""

import pytest

from editrefiner.contracts import JobStatus
from orchestrator.jobs import StoreUnavailableError
from orchestrator.store import open_job_store


def pages(world, *, limit: int = 7, between=lambda: None, **filters) -> list[str]:
    """Ids of all jobs, page by page; `between` runs after each page."""
    found: list[str] = []
    filters = {"status": None, "created_after": None, **filters}
    while True:
        page = world.store.page(**filters, limit=limit, before=found[-1] if found else None)
        if not page:
            return found
        found += [record.id for record in page]
        between()


def test_ids_sort_by_creation(world) -> None:
    created = [world.create() for _ in range(20)]

    assert created == sorted(created)
    assert len(set(created)) == 20
    assert {len(job_id) for job_id in created} == {26}


def test_pages_go_from_the_newest_to_the_oldest(world) -> None:
    created = [world.create() for _ in range(20)]

    assert pages(world) == created[::-1]
    assert pages(world, limit=5) == created[::-1]


def test_jobs_created_meanwhile_disturb_no_page(world) -> None:
    created = [world.create() for _ in range(20)]

    seen = pages(world, between=lambda: [world.create() for _ in range(3)])

    assert seen == created[::-1]


def test_pages_are_filtered_by_status(world) -> None:
    created = [world.create() for _ in range(10)]
    for job_id in created[::2]:
        world.store.request_cancel(job_id)

    assert pages(world, limit=2, status=JobStatus.CANCELED) == created[::2][::-1]
    assert pages(world, limit=2, status=JobStatus.QUEUED) == created[1::2][::-1]
    assert pages(world, status=JobStatus.RUNNING) == []


def test_pages_are_filtered_by_time_of_creation(world) -> None:
    created = [world.create() for _ in range(5)]
    third = world.store.get(created[2]).created_at

    later = [job_id for job_id in created if world.store.get(job_id).created_at > third]
    assert pages(world, limit=1, created_after=third) == later[::-1]
    assert pages(world, created_after=third + 3600) == []
    assert pages(world, created_after=third - 3600) == created[::-1]


def test_events_are_read_on_from_where_one_was(world) -> None:
    job_id = world.create(max_iterations=1)
    world.run(job_id)

    first = world.store.events(job_id, after=0, limit=4)
    rest = world.store.events(job_id, after=first[-1].seq, limit=100)

    assert [event.seq for event in [*first, *rest]] == list(range(1, 10))
    assert world.store.events(job_id, after=9, limit=100) == []
    assert first[0].at.tzinfo is not None
    assert [event.at for event in first] == sorted(event.at for event in first)


def test_counts_tell_what_waits_and_what_runs_for_each_agent(world) -> None:
    assert set(world.store.counts().values()) == {0}
    first, second, third = (world.create() for _ in range(3))
    world.claim(first)
    world.commit(world.claim(second))
    world.store.request_cancel(third)

    counts = world.store.counts()

    assert counts == {
        "evaluation.pending": 0,
        "evaluation.leased": 1,
        "perception.pending": 1,
        "perception.leased": 0,
        "reasoning.pending": 0,
        "reasoning.leased": 0,
        "action.pending": 0,
        "action.leased": 0,
    }


def test_a_store_that_can_be_reached_says_nothing(world) -> None:
    world.store.ping()


@pytest.mark.parametrize(
    "url",
    ["sqlite:////proc/nowhere/jobs.db", "postgresql://nobody@127.0.0.1:1/none"],
    ids=["sqlite", "postgresql"],
)
def test_a_database_that_cannot_be_reached_is_unavailable(url: str) -> None:
    with pytest.raises(StoreUnavailableError):
        open_job_store(url).ping()


def test_a_database_without_tables_is_unavailable(empty_url: str) -> None:
    store = open_job_store(empty_url)

    with pytest.raises(StoreUnavailableError, match="migrate it first"):
        store.ping()
    store.close()


def test_a_database_that_cannot_hold_jobs_is_refused_without_its_password() -> None:
    with pytest.raises(ValueError, match="cannot hold jobs") as refusal:
        open_job_store("mysql://user:secret@host/jobs")
    assert "secret" not in str(refusal.value)
