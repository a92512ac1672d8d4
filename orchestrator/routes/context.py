"""What do the routes of one API process share?"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from anyio import CapacityLimiter

from editrefiner.artifacts import ArtifactStore
from editrefiner.serving import Lifecycle, QueueFullError
from orchestrator.doorbell import Ringer
from orchestrator.events import Changes
from orchestrator.jobs import JobStore
from orchestrator.settings import Settings

DECODERS = 2  # pictures decoded at a time: each takes a core and up to 160 MB
BUNDLERS = 2
FULL_RETRY_SECONDS = 1.0  # a request in hand takes a second or two


class Admission:
    """How many bodies are taken in at a time: each is held in memory while it arrives."""

    def __init__(self, lifecycle: Lifecycle, max_in_hand: int) -> None:
        self._lifecycle = lifecycle
        self._max_in_hand = max_in_hand
        self._in_hand = 0

    @contextmanager
    def hold(self) -> Generator[None]:
        """Take one in. NotReadyError while the process drains, QueueFullError at the bound."""
        self._lifecycle.require_ready()
        if self._in_hand >= self._max_in_hand:
            raise QueueFullError(
                f"{self._in_hand} requests are being taken in. Send this one again.",
                retry_after_seconds=FULL_RETRY_SECONDS,
            )
        self._in_hand += 1
        try:
            with self._lifecycle.working():
                yield
        finally:
            self._in_hand -= 1


@dataclass(frozen=True, slots=True)
class Api:
    """Made once by `create_app`."""

    settings: Settings
    store: JobStore
    artifacts: ArtifactStore
    changes: Changes
    ringer: Ringer
    lifecycle: Lifecycle
    admission: Admission
    decoders: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(DECODERS))
    bundlers: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(BUNDLERS))
