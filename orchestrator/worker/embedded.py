"""What is a worker inside a process? A Celery consumer in a thread, a step runner and a sweeper."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping

from celery import Celery
from celery.worker import WorkController
from celery.worker import state as celery_state

from editrefiner.client import AgentClient
from orchestrator.doorbell import STEP_TASK, Ringer
from orchestrator.jobs import JobStore
from orchestrator.worker.runner import StepRunner
from orchestrator.worker.sweeper import Sweeper

CONSUMER_STOP_SECONDS = 15.0  # a consumer in the middle of a blocking read or a reconnect notices within this

log = logging.getLogger(__name__)


class EmbeddedWorker:
    """A complete worker in the present process; `start`, later `stop`. One per process, as Celery's state is.

    Touches no signal handler and no logging. `ringer` must be started by its owner.
    """

    def __init__(
        self,
        store: JobStore,
        agents: Mapping[str, AgentClient],
        app: Celery,
        ringer: Ringer,
        *,
        remove_artifact: Callable[[str], None],
        concurrency: int = 16,
        heartbeat_seconds: float = 10.0,
        sweep_seconds: float = 2.0,
        purge_seconds: float = 60.0,
        drain_seconds: float = 20.0,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._app = app
        self._concurrency = concurrency
        self._drain_seconds = drain_seconds
        self._runner = StepRunner(
            store,
            agents,
            ringer,
            concurrency=concurrency,
            heartbeat_seconds=heartbeat_seconds,
            loop=loop,
        )
        self._sweeper = Sweeper(
            store,
            ringer,
            offer=self._runner.offer,
            remove_artifact=remove_artifact,
            sweep_seconds=sweep_seconds,
            purge_seconds=purge_seconds,
        )
        self._is_consuming = threading.Event()
        self._consumer: threading.Thread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where agents are awaited; their HTTP clients belong to it."""
        return self._runner.loop

    def start(self) -> None:
        """Begin to take steps. Returns at once; without a broker the sweeper alone finds them."""
        self._app.task(name=STEP_TASK, ignore_result=True, shared=False)(self._runner.run)
        self._app.finalize()
        self._app.set_current()
        self._app.set_default()
        self._runner.start()
        controller = self._app.WorkController(
            hostname="worker@orchestrator",
            concurrency=self._concurrency,
            pool_cls="threads",
            ready_callback=lambda _: self._is_consuming.set(),
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
        self._consumer = threading.Thread(
            target=_consume, args=(controller,), name="celery-consumer", daemon=True
        )
        self._consumer.start()
        self._sweeper.start()

    def wait_ready(self, timeout_seconds: float) -> bool:
        """Whether the broker delivers to this worker, waited for at most so long."""
        return self._is_consuming.wait(timeout_seconds)

    def stop(self) -> None:
        """Take no more steps, finish those in hand within the drain time, give back the rest."""
        celery_state.should_stop = 0
        self._sweeper.stop()
        self._runner.stop(drain_seconds=self._drain_seconds)
        if self._consumer is not None:
            self._consumer.join(CONSUMER_STOP_SECONDS)
            if self._consumer.is_alive():
                log.warning("the queue consumer did not stop in time")
        celery_state.should_stop = None


def _consume(controller: WorkController) -> None:
    with contextlib.suppress(SystemExit):
        controller.start()
