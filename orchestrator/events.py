"""How does somebody who waits on a job learn that it changed? Polling is the truth, Redis makes it quick."""

import asyncio
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager

from anyio import to_thread
from redis.asyncio import Redis
from redis.exceptions import RedisError

from orchestrator.doorbell import CHANGES_CHANNEL, is_redis
from orchestrator.jobs import JobRecord, JobStore

POLL_SECONDS = 1.0  # how late a waiter is when notices are lost
RECONNECT_SECONDS = (0.5, 1.0, 2.0, 5.0)
NOTICE_WAIT_SECONDS = 5.0  # how long one read of the subscription blocks; then the connection is checked

log = logging.getLogger(__name__)


class Changes:
    """Waits for changes of jobs on behalf of every long poll and stream of one process.

    One Redis subscription serves them all. Without Redis each waiter reads the store every `poll_seconds`.
    """

    def __init__(self, store: JobStore, redis_url: str, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._store = store
        self._redis_url = redis_url if is_redis(redis_url) else None
        self._poll_seconds = poll_seconds
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._is_listening = False
        self._closing = asyncio.Event()

    async def start(self) -> None:
        """Begin to listen for notices; returns at once, whether or not Redis is there."""
        if self._redis_url is not None:
            self._listener = asyncio.create_task(self._listen(self._redis_url))

    async def stop(self) -> None:
        """Send every waiter home with what is known now."""
        self._closing.set()
        for events in self._waiting.values():
            for event in events:
                event.set()
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
            self._listener = None

    @property
    def is_closing(self) -> bool:
        """Whether streams should end: the process is going down."""
        return self._closing.is_set()

    @property
    def is_listening(self) -> bool:
        """Whether notices arrive at the moment; without them changes are seen by polling."""
        return self._is_listening

    @property
    def watched(self) -> frozenset[str]:
        """Jobs that somebody waits on."""
        return frozenset(self._waiting)

    async def after(self, job_id: str, version: int, *, seconds: float) -> JobRecord:
        """The job once it is past `version` or over, else as it is after `seconds`."""
        until = time.monotonic() + seconds
        with self._watching(job_id) as nudge:
            while True:
                nudge.clear()
                record = await to_thread.run_sync(self._store.get, job_id)
                left = until - time.monotonic()
                if record.version > version or record.status.is_terminal or left <= 0 or self.is_closing:
                    return record
                await _wait(nudge, min(self._poll_seconds, left))

    async def until_over(self, job_id: str, *, seconds: float) -> JobRecord:
        """The finished job, or the job as it is after `seconds`."""
        until = time.monotonic() + seconds
        record = await self.after(job_id, -1, seconds=0.0)
        while (
            not record.status.is_terminal and (left := until - time.monotonic()) > 0 and not self.is_closing
        ):
            record = await self.after(job_id, record.version, seconds=left)
        return record

    @contextmanager
    def _watching(self, job_id: str) -> Generator[asyncio.Event]:
        nudge = asyncio.Event()
        self._waiting.setdefault(job_id, set()).add(nudge)
        try:
            yield nudge
        finally:
            self._waiting[job_id].discard(nudge)
            if not self._waiting[job_id]:
                del self._waiting[job_id]

    def _nudge(self, job_id: str) -> None:
        for event in self._waiting.get(job_id, ()):
            event.set()

    async def _listen(self, url: str) -> None:
        failures = 0
        while True:
            try:
                await self._follow(url)
                failures = 0
            except (RedisError, OSError) as error:
                if failures == 0:
                    log.warning("change notices unavailable, polling instead", extra={"cause": repr(error)})
                await asyncio.sleep(RECONNECT_SECONDS[min(failures, len(RECONNECT_SECONDS) - 1)])
                failures += 1

    async def _follow(self, url: str) -> None:
        """Pass notices on until the connection breaks."""
        async with (
            Redis.from_url(url, socket_timeout=None, socket_connect_timeout=3.0) as client,
            client.pubsub() as subscription,
        ):
            await subscription.subscribe(CHANGES_CHANNEL)
            try:
                while True:
                    notice = await subscription.get_message(timeout=NOTICE_WAIT_SECONDS)
                    if notice is None:
                        await subscription.ping()
                    elif notice["type"] == "message":
                        self._nudge(notice["data"].decode("ascii", "replace"))
                    self._is_listening = True
            finally:
                self._is_listening = False


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
