"""How whoever waits on a job learns of news, with a broker and without."""

import asyncio
import json

import pytest

from orchestrator.doorbell import Ringer, create_celery
from orchestrator.events import Changes
from orchestrator.streams import event_stream

NO_BROKER = "redis://127.0.0.1:1/0"
NEVER_POLLS = 60.0


async def stream_of(
    world, changes: Changes, job_id: str, *, after: int = 0, ping_seconds: float = 15.0
) -> str:
    """A whole stream as text."""
    record = world.store.get(job_id)
    stream = event_stream(world.store, changes, record, after=after, ping_seconds=ping_seconds)
    return b"".join([chunk async for chunk in stream]).decode()


def sent(text: str) -> list[tuple[int, str]]:
    """Number and type of each event in a stream."""
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    return [(event["seq"], event["type"]) for event in events]


async def test_without_a_broker_a_waiter_sees_a_change_by_polling(world):
    changes = Changes(world.store, NO_BROKER, poll_seconds=0.05)
    await changes.start()
    job = world.create()
    waiting = asyncio.create_task(changes.after(job.id, job.version, seconds=30))
    await world.drive(job.id, steps=1)
    assert (await waiting).version > job.version
    await changes.stop()


async def test_a_waiter_whose_time_is_over_gets_the_job_as_it_is(world):
    changes = Changes(world.store, NO_BROKER)
    job = world.create()
    assert (await changes.after(job.id, job.version, seconds=0)).version == job.version
    assert (await changes.until_over(job.id, seconds=0)).version == job.version


async def test_a_process_that_goes_down_sends_its_waiters_home(world, eventually):
    changes = Changes(world.store, NO_BROKER, poll_seconds=NEVER_POLLS)
    job = world.create()
    waiting = asyncio.create_task(changes.until_over(job.id, seconds=60))
    streaming = asyncio.create_task(stream_of(world, changes, job.id))
    await eventually(lambda: job.id in changes.watched)
    await changes.stop()
    assert not (await waiting).status.is_terminal
    assert sent(await streaming) == [(1, "job.created")]


async def test_a_stream_tells_everything_once_and_ends_with_the_job(world):
    changes = Changes(world.store, NO_BROKER, poll_seconds=0.01)
    job = world.create(brightness=210)
    streaming = asyncio.create_task(stream_of(world, changes, job.id))
    await world.drive(job.id)
    text = await streaming
    assert text.startswith("retry: 3000\n\n")
    assert sent(text) == [
        (1, "job.created"),
        (2, "job.started"),
        (3, "step.completed"),
        (4, "step.completed"),
        (5, "iteration.completed"),
        (6, "job.succeeded"),
    ]
    assert [seq for seq, _ in sent(text)] == list(range(1, len(sent(text)) + 1))
    assert "id: 1\nevent: job.created\ndata: {" in text


async def test_a_stream_resumes_behind_every_event(world):
    changes = Changes(world.store, NO_BROKER, poll_seconds=0.01)
    job = world.create(max_iterations=1)
    await world.drive(job.id)
    whole = sent(await stream_of(world, changes, job.id))
    for seq, _ in whole[:-1]:
        assert sent(await stream_of(world, changes, job.id, after=seq)) == whole[seq:]


async def test_a_stream_of_a_quiet_job_is_kept_open_with_comments(world):
    changes = Changes(world.store, NO_BROKER, poll_seconds=0.01)
    job = world.create()
    stream = event_stream(world.store, changes, job, after=1, ping_seconds=0.05)
    assert await anext(stream) == b"retry: 3000\n\n"
    assert await anext(stream) == b": ping\n\n"
    assert await anext(stream) == b": ping\n\n"
    await stream.aclose()


async def test_a_stream_of_a_job_that_is_removed_ends(world):
    changes = Changes(world.store, NO_BROKER, poll_seconds=0.01)
    job = world.create(brightness=210)
    stream = event_stream(world.store, changes, job, after=0)
    await anext(stream)
    await world.drive(job.id)
    world.store.delete(job.id)
    assert [chunk async for chunk in stream] == []


async def test_a_stream_asked_to_begin_behind_the_end_ends(world):
    changes = Changes(world.store, NO_BROKER, poll_seconds=0.01)
    job = world.create(brightness=210)
    streaming = asyncio.create_task(stream_of(world, changes, job.id, after=1000))
    await world.drive(job.id)
    assert sent(await streaming) == []


@pytest.mark.process
async def test_a_notice_wakes_a_waiter_in_another_place_long_before_it_would_poll(world, valkey, eventually):
    changes = Changes(world.store, valkey.url, poll_seconds=NEVER_POLLS)
    await changes.start()
    await eventually(lambda: changes.is_listening)
    ringer = Ringer(create_celery(valkey.url), valkey.url, service="api")
    ringer.start()
    job = world.create()
    waiting = asyncio.create_task(changes.after(job.id, job.version, seconds=50))
    await eventually(lambda: job.id in changes.watched)
    await world.drive(job.id, steps=1)
    ringer.changed(job.id)
    assert (await waiting).version > job.version
    ringer.stop()
    await changes.stop()


@pytest.mark.process
async def test_notices_come_again_after_the_broker_was_away(world, valkey, eventually):
    changes = Changes(world.store, valkey.url, poll_seconds=NEVER_POLLS)
    await changes.start()
    await eventually(lambda: changes.is_listening)
    valkey.kill()
    await eventually(lambda: not changes.is_listening)
    valkey.start()
    await eventually(lambda: changes.is_listening)
    await changes.stop()
