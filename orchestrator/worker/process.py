"""What does `python -m orchestrator worker` do from start to SIGTERM?"""

import logging
import signal
import threading
from collections.abc import Callable

import httpx
from sqlalchemy.exc import OperationalError

from editrefiner.artifacts import open_store
from editrefiner.telemetry import configure_logging
from orchestrator.doorbell import Ringer, create_celery
from orchestrator.execution import connect_agents
from orchestrator.jobs import JobStore, StoreUnavailableError
from orchestrator.settings import Settings
from orchestrator.store import migrate, open_job_store
from orchestrator.worker.embedded import EmbeddedWorker

BROKER_WAIT_SECONDS = 5.0  # then the worker counts as ready all the same: its sweeper needs no broker
RETRY_DATABASE_SECONDS = 1.0
SIGNAL_SECONDS = 1.0  # a signal that the kernel hands to another thread is heard this late

log = logging.getLogger(__name__)


def run_worker(settings: Settings, open_jobs: Callable[..., JobStore] = open_job_store) -> None:
    """Run steps until SIGTERM or SIGINT, then finish or give back those in hand.

    `open_jobs` opens the job store, with the arguments of `open_job_store`.
    """
    configure_logging("worker", level=settings.log_level, json=settings.log_json)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    if not _migrate(settings.database_url, stopped):
        return
    store = open_jobs(
        settings.database_url,
        lease_seconds=settings.lease_seconds,
        ttl_seconds=settings.ttl_seconds,
        crash_attempts=settings.crash_attempts,
    )
    artifacts = open_store(settings.artifacts, limits=settings.image_limits())
    app = create_celery(settings.redis_url)
    ringer = Ringer(app, settings.redis_url, service="worker")
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=settings.concurrency)
    http = httpx.AsyncClient(limits=limits, trust_env=False)
    worker = EmbeddedWorker(
        store,
        connect_agents(http, settings.agent_urls()),
        app,
        ringer,
        remove_artifact=artifacts.delete,
        concurrency=settings.concurrency,
        heartbeat_seconds=settings.heartbeat_seconds,
        sweep_seconds=settings.sweep_seconds,
        purge_seconds=settings.purge_seconds,
        drain_seconds=settings.drain_seconds,
    )
    ringer.start()
    worker.start()
    has_broker = worker.wait_ready(BROKER_WAIT_SECONDS)
    log.info("worker ready", extra={"has_broker": has_broker, "concurrency": settings.concurrency})
    while not stopped.wait(SIGNAL_SECONDS):
        pass
    log.info("worker stopping")
    worker.stop()
    ringer.stop()
    store.close()
    log.info("worker stopped")


def _migrate(database_url: str, stopped: threading.Event) -> bool:
    """Bring the database up, waiting for it when it is not there yet; False when told to stop meanwhile."""
    while not stopped.is_set():
        try:
            migrate(database_url)
        except (OperationalError, StoreUnavailableError) as error:
            log.warning("waiting for the database", extra={"cause": str(error).partition("\n")[0]})
            stopped.wait(RETRY_DATABASE_SECONDS)
        else:
            return True
    return False
