"""May this request come in? Asked before a byte of its body is read."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

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
