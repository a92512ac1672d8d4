"""How are many requests of one verb answered in one call? Each by a run of its own, in order."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from functools import partial
from typing import Generic

from editrefiner.contracts import ProblemError
from editrefiner.serving.bodies import Draft, resolve_images
from editrefiner.serving.computing import Computer
from editrefiner.serving.errors import DeadlineExceededError, InternalError, QueueFullError
from editrefiner.serving.host import Host
from editrefiner.serving.records import StoredRun, content_key, request_fingerprint
from editrefiner.serving.verbs import AgentT, AnswerT, RequestT, Verb

log = logging.getLogger(__name__)

Outcome = StoredRun | ProblemError
"""What one request came to. A failure is a value here: it ends none of the others."""


class Many(Generic[AgentT, RequestT, AnswerT]):
    """The runs of a batch. They are the verb's own: stored under the same keys and shared with everyone."""

    def __init__(self, host: Host[AgentT], verb: Verb[AgentT, RequestT, AnswerT]) -> None:
        self._host = host
        self._verb = verb
        self._work = Computer(host, verb).work
        self._ahead = host.batching.max_batch + 1  # one is decoded while the others compute

    async def outcomes(
        self, asked: Iterable[Callable[[], RequestT]], *, seconds: float | None
    ) -> AsyncGenerator[Outcome]:
        """What each came to, in the order asked. Closing the generator cancels what nobody else waits for.

        A callable gives the request or raises a ProblemError; it is called beside the lane when its turn
        comes. `seconds` is the time for all of them together; None = as long as it takes.
        """
        ends_at = None if seconds is None else time.monotonic() + seconds
        ahead: deque[asyncio.Task[Outcome]] = deque()
        try:
            for one in asked:
                ahead.append(asyncio.create_task(self._one(one, ends_at)))
                if len(ahead) >= self._ahead:
                    yield await ahead[0]
                    ahead.popleft()
            while ahead:
                yield await ahead[0]
                ahead.popleft()
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _one(self, ask: Callable[[], RequestT], ends_at: float | None) -> Outcome:
        left = None if ends_at is None else max(0.0, ends_at - time.monotonic())
        deadline = asyncio.timeout(left)
        try:
            async with deadline:
                digest = self._host.loaded_agent.backend.digest  # what was accepted goes on during a drain
                request, fingerprint = await self._host.beside_lane(partial(self._understand, ask))
                return await self._landed(request, content_key(digest, fingerprint), ends_at)
        except TimeoutError:
            if not deadline.expired():
                raise
            return DeadlineExceededError("The time for the whole batch was over. Ask again for the rest.")
        except ProblemError as error:
            return error
        except Exception:  # whatever a store raises is this request's failure; the others have their answers
            log.exception("one of many failed", extra={"verb": self._verb.path})
            return InternalError("The service failed at this item; the log has the cause under request_id.")

    async def _landed(self, request: RequestT, key: str, ends_at: float | None) -> Outcome:
        """Wait for a place in the lane, and then for the run."""
        host = self._host
        while True:
            while host.lane.is_full:
                await host.lane.wait_for_change()
            waiter = object()
            lookup = partial(host.beside_lane, partial(host.records.usable_run, key, self._verb.answer))
            flight = host.lane.join(key, request, self._work, waiter=waiter, deadline=ends_at, lookup=lookup)
            try:
                await asyncio.wait({flight.outcome})  # never cancels what others wait for as well
                result = flight.outcome.result().result
            finally:
                host.lane.leave(flight, waiter)
            if not isinstance(result, QueueFullError):  # else somebody was quicker
                return result

    def _understand(self, ask: Callable[[], RequestT]) -> tuple[RequestT, str]:
        request = resolve_images(Draft(ask(), {}), self._host.store)
        return request, request_fingerprint(self._verb.path, request)
