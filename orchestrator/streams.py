"""How does a job's history become a server-sent event stream that can be resumed anywhere?"""

import time
from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import Protocol

from anyio import to_thread

from editrefiner.contracts import JobEvent
from orchestrator.jobs import EventType, JobGoneError, JobNotFoundError, JobRecord, JobStore

PING_SECONDS = 15.0  # proxies close a silent connection after 30 or 60
RETRY_MS = 3000
BATCH = 100
END_TYPES = frozenset(
    {EventType.JOB_SUCCEEDED, EventType.JOB_FAILED, EventType.JOB_CANCELED, EventType.JOB_EXPIRED}
)


class ChangeWaiter(Protocol):
    """What a stream needs to sleep until there is news."""

    @property
    def is_closing(self) -> bool:
        """Whether the process is going down."""
        ...

    def after(self, job_id: str, version: int, *, seconds: float) -> Awaitable[JobRecord]:
        """The job once it is past `version` or over, else as it is after `seconds`."""
        ...


async def event_stream(
    store: JobStore,
    changes: ChangeWaiter,
    record: JobRecord,
    *,
    after: int,
    ping_seconds: float = PING_SECONDS,
) -> AsyncGenerator[bytes]:
    """Every event with seq > `after`, as it happens; ends behind the event that ends the job."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    last_sent = time.monotonic()
    try:
        while not changes.is_closing:
            events = await _read(store, record.id, after)
            for event in events:
                yield encode_event(event)
            if events:
                after, last_sent = events[-1].seq, time.monotonic()
                if events[-1].type in END_TYPES:
                    return
                continue
            if record.status.is_terminal:
                return  # asked for events after the last one
            record = await changes.after(record.id, record.version, seconds=ping_seconds)
            if time.monotonic() - last_sent >= ping_seconds:
                yield b": ping\n\n"
                last_sent = time.monotonic()
    except (JobNotFoundError, JobGoneError):
        return  # removed while it was watched: nothing more will happen


def encode_event(event: JobEvent) -> bytes:
    """One event in the stream's format; its id is what a client sends back as Last-Event-ID."""
    return f"id: {event.seq}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n".encode()


async def _read(store: JobStore, job_id: str, after: int) -> Sequence[JobEvent]:
    return await to_thread.run_sync(lambda: store.events(job_id, after=after, limit=BATCH))
