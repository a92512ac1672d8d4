"""Who finds the steps that nobody was told of? A thread in every worker that looks every few seconds.

What a sweep finds its own worker runs, as far as it has room; for the rest it rings. So the suite goes on,
slower, while the broker is gone, silent, or swallows messages: no step needs Redis to be found and run.
"""

import logging
import threading
import time
from collections.abc import Callable

from editrefiner.contracts import ProblemError
from editrefiner.telemetry import metrics
from orchestrator.doorbell import Ringer
from orchestrator.jobs import Doorbell, JobStore

log = logging.getLogger(__name__)


class Sweeper:
    """Sweeps and purges until it is stopped; a failure ends one round, never the thread."""

    def __init__(
        self,
        store: JobStore,
        ringer: Ringer,
        *,
        offer: Callable[[Doorbell], bool],
        remove_artifact: Callable[[str], None],
        sweep_seconds: float,
        purge_seconds: float,
    ) -> None:
        self._store = store
        self._ringer = ringer
        self._offer = offer
        self._remove_artifact = remove_artifact
        self._sweep_seconds = sweep_seconds
        self._purge_seconds = purge_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin with a sweep at once: a worker that was killed may have left work."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round in hand."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        purge_at = time.monotonic() + self._purge_seconds
        while not self._stopped.is_set():
            self._try(self._sweep)
            if time.monotonic() >= purge_at:
                self._try(self._purge)
                purge_at = time.monotonic() + self._purge_seconds
            self._stopped.wait(self._sweep_seconds)

    def _sweep(self) -> None:
        for doorbell in self._store.sweep():
            metrics.SWEEP_RUNG.labels("worker").inc()
            if not self._offer(doorbell):
                self._ringer.publish(doorbell)

    def _purge(self) -> None:
        for sha256 in self._store.purge():
            self._remove_artifact(sha256)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except ProblemError as error:
            log.warning("sweep put off", extra={"cause": error.detail})
        except Exception:  # a bug must not end the thread: nothing else finds forgotten steps
            log.exception("sweep failed")
