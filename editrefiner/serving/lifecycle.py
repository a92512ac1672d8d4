"""Can this process take work? Its state from start to drain, and the work it has in hand."""

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager

from editrefiner.contracts import Health
from editrefiner.serving.errors import NotReadyError

RETRY_NOT_READY_SECONDS = 5.0  # loading a compact backend takes about this long; a drained pod is replaced
MEMORY_FAILURES_TO_RED = 2  # once may be the picture, twice in a row is the process

log = logging.getLogger(__name__)


class Lifecycle:
    """One process part: `starting` -> `ready` or `failed` -> `draining`. Used on the event loop only."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.is_busy: Callable[[], bool] = lambda: False
        """Whether the next run would be refused."""
        self.before_ready: list[Callable[[], None]] = []
        """Called once, after loading and before the first request."""
        self.on_drained_too_long: list[Callable[[], None]] = []
        """Called when the time to drain is over and work is still in hand."""
        self._state = "starting"
        self._detail = "The backend is loading."
        self._may_recover = False
        self._in_hand = 0
        self._memory_failures = 0
        self._started = asyncio.Event()
        self.draining = asyncio.Event()
        """Set when the drain begins: streams that could last for hours end here."""

    @property
    def is_idle(self) -> bool:
        """Whether no accepted work is in hand."""
        return self._in_hand == 0

    @property
    def has_started(self) -> bool:
        """Whether loading is over and went well, or waits for what a new start would not bring either."""
        return self._state in {"ready", "draining"} or self._may_recover

    @property
    def is_ready(self) -> bool:
        """Whether a load balancer should send work."""
        return self._state == "ready" and not self.is_out_of_memory

    @property
    def is_out_of_memory(self) -> bool:
        """Whether run after run ended without memory: the process should be replaced."""
        return self._memory_failures >= MEMORY_FAILURES_TO_RED

    def health(self) -> Health:
        """State and reason in the form of the probes."""
        if self._state == "ready" and self.is_out_of_memory:
            return Health(state="failed", detail=f"{self._memory_failures} runs in a row ran out of memory.")
        if self._state == "ready":
            return Health(state="busy" if self.is_busy() else "ready")
        return Health.model_validate({"state": self._state, "detail": self._detail})

    def ready(self) -> None:
        """Take work: loading is over, or what was wrong is mended."""
        while self.before_ready:
            self.before_ready.pop(0)()
        if self._state != "draining":
            self._become("ready", "")
        self._started.set()

    def fail(self, reason: str, *, may_recover: bool = False) -> None:
        """Take no work: loading, or a check of what was loaded, went wrong. `ready` may follow."""
        if self._state != "draining":
            self._may_recover = may_recover
            self._become("failed", reason)
        self._started.set()

    def drain(self) -> None:
        """Take no more work; what is in hand goes on."""
        if self._state != "draining":
            self._become("draining", "The service is shutting down.")
        self._started.set()
        self.draining.set()

    def give_up(self) -> None:
        """The time to drain is over."""
        for abandon in self.on_drained_too_long:
            abandon()

    async def wait_started(self) -> Health:
        """Wait until loading is over, one way or the other."""
        await self._started.wait()
        return self.health()

    def require_ready(self) -> None:
        """NotReadyError unless the service takes work."""
        if self._state != "ready":
            raise NotReadyError(
                f"{self.service} is {self._state}: {self._detail} Try again later.",
                retry_after_seconds=RETRY_NOT_READY_SECONDS,
            )

    @contextmanager
    def working(self) -> Generator[None]:
        """Hold back the end of the process until the enclosed work is answered."""
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1

    def count_memory(self, *, exhausted: bool) -> None:
        """Note how a run ended; one that fits in memory clears the count.

        Called in the lane's thread, which alone writes the count; the event loop reads it.
        """
        self._memory_failures = self._memory_failures + 1 if exhausted else 0

    def _become(self, state: str, detail: str) -> None:
        if (state, detail) == (self._state, self._detail):
            return
        self._state, self._detail = state, detail
        log.info("service %s", state, extra={"detail": detail} if detail else {})
