"""May this request come in? Asked before a byte of its body is read."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from editrefiner.serving.errors import QueueFullError
from editrefiner.serving.lane import Lane

MAX_WAITING = 1024  # requests that wait for their turn to be read; each is one idle connection


class Door:
    """Lets in as many requests as could get a place in the lane.

    While every place is held by a run, a request is refused. While some are only held by requests that
    are still read, which may turn out to ask for the same run, it waits. So a body that is read and
    decoded always has a place, and any number of equal requests shares one.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._readers = 0
        self._waiting = 0

    @asynccontextmanager
    async def enter(self, *, is_known: bool) -> AsyncGenerator[None]:
        """Hold a place while the request is read. QueueFullError when there is none.

        A known request (one that shares a run in hand, or repeats a stored one) is never refused.
        """
        if self._waiting >= MAX_WAITING:
            raise self._lane.queue_full()
        self._waiting += 1
        try:
            while not self._is_open(is_known=is_known):
                await self._lane.wait_for_change()
        finally:
            self._waiting -= 1
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1
            self._lane.notify()

    def _is_open(self, *, is_known: bool) -> bool:
        if is_known:
            return self._readers < self._lane.capacity
        if self._lane.is_full:
            raise self._lane.queue_full()
        return self._readers + self._lane.places_taken < self._lane.capacity


class Hold:
    """How much may stay in hand of bodies whose work outlives their reading, such as batches.

    As much as the bodies of single requests could be together: `capacity` of the longest. Used on the event
    loop only.
    """

    def __init__(self, lane: Lane, *, max_body_bytes: int) -> None:
        self._lane = lane
        self._most_bytes = lane.capacity * max_body_bytes
        self._held_bytes = 0

    @contextmanager
    def keep(self, count_bytes: int) -> Generator[None]:
        """Hold a body of this length. QueueFullError when there is too much in hand already."""
        if self._held_bytes + count_bytes > self._most_bytes:
            raise QueueFullError(
                f"There are batches of {self._held_bytes} bytes in hand, of {self._most_bytes} at most. "
                "Try again after Retry-After, with smaller batches or pictures from the artifact store.",
                retry_after_seconds=self._lane.queue_full().retry_after_seconds,
            )
        self._held_bytes += count_bytes
        try:
            yield
        finally:
            self._held_bytes -= count_bytes
