"""How does a process remind another that there is work? Celery messages that may be lost, doubled or late."""

import logging
import queue
import threading
import time
from dataclasses import dataclass

from celery import Celery
from kombu.entity import Queue
from redis import Redis
from redis.exceptions import RedisError

from editrefiner.contracts import StepKind
from editrefiner.telemetry import metrics
from orchestrator.jobs import Doorbell

STEP_TASK = "step.run"
CHANGES_CHANNEL = "orc:changes"  # job ids, for whoever waits on a job
AGENTS = tuple(sorted({kind.agent for kind in StepKind}))

BROKER_PAUSE_SECONDS = 3.0  # after a failed publish nothing is tried for so long: the sweep is as quick
MAX_WAITING = 10_000  # reminders held in memory; more than that are dropped, the sweep finds their steps
NOTICE_TIMEOUT_SECONDS = 1.0

log = logging.getLogger(__name__)


def queue_name(agent: str) -> str:
    """The queue that carries doorbells for one agent."""
    return f"q.{agent}"


def create_celery(redis_url: str) -> Celery:
    """A Celery application that rings: JSON only, no results, early acknowledgement, no prefetching."""
    app = Celery("orchestrator", broker=_broker_url(redis_url), set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_acks_late=False,  # the row, not the message, is the claim
        task_queues=[Queue(queue_name(agent), routing_key=queue_name(agent)) for agent in AGENTS],
        task_default_queue=queue_name("evaluation"),
        task_create_missing_queues=False,
        task_publish_retry=True,
        task_publish_retry_policy={
            "max_retries": 2,
            "interval_start": 0.05,
            "interval_step": 0.1,
            "interval_max": 0.3,
        },
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_soft_shutdown_timeout=20,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_timeout=3,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport_options(redis_url),
    )
    return app


@dataclass(frozen=True, slots=True)
class _Change:
    """Notice that a job changed."""

    job_id: str


class Ringer:
    """Rings doorbells and tells of changes, best effort: no method raises, and only `publish` takes time.

    `ring` and `changed` hand over to one background thread, so a slow or absent broker delays nobody.
    """

    def __init__(self, app: Celery, redis_url: str, *, service: str) -> None:
        self._app = app
        self._service = service
        self._notices = _notice_client(redis_url)
        self._waiting: queue.Queue[Doorbell | _Change | None] = queue.Queue(MAX_WAITING)
        self._thread: threading.Thread | None = None
        self._quiet_until = {"broker": 0.0, "notices": 0.0}

    def start(self) -> None:
        """Begin to deliver what `ring` and `changed` are given."""
        self._thread = threading.Thread(target=self._deliver, name="ringer", daemon=True)
        self._thread.start()

    def stop(self, *, timeout_seconds: float = 2.0) -> None:
        """Deliver what waits, for at most so long, and let go of connections."""
        if self._thread is not None:
            self._enqueue(None)
            self._thread.join(timeout_seconds)
            self._thread = None
        if self._notices is not None:
            self._notices.close()
        self._app.close()

    def ring(self, *doorbells: Doorbell) -> None:
        """Publish soon, or never when the broker is away."""
        for doorbell in doorbells:
            self._enqueue(doorbell)

    def changed(self, job_id: str) -> None:
        """Wake whoever waits on this job, in any process."""
        if self._notices is not None:
            self._enqueue(_Change(job_id))

    def publish(self, doorbell: Doorbell) -> bool:
        """Publish now, with a bounded retry; False when the broker did not take it."""
        if time.monotonic() < self._quiet_until["broker"]:
            self._count("lost")
            return False
        try:
            self._app.send_task(
                STEP_TASK,
                [doorbell.job_id, doorbell.seq],
                queue=queue_name(doorbell.kind.agent),
                ignore_result=True,
            )
        except Exception as error:  # noqa: BLE001 -- kombu's own bugs surface when a connection dies under it
            self._quiet_until["broker"] = time.monotonic() + BROKER_PAUSE_SECONDS
            self._count("lost")
            log.warning("doorbell lost", extra={"job_id": doorbell.job_id, "cause": repr(error)})
            return False
        self._count("rung")
        return True

    def _count(self, outcome: str) -> None:
        metrics.DOORBELLS.labels(service=self._service, outcome=outcome).inc()

    def _enqueue(self, reminder: Doorbell | _Change | None) -> None:
        try:
            self._waiting.put_nowait(reminder)
        except queue.Full:
            self._count("dropped")

    def _deliver(self) -> None:
        while (reminder := self._waiting.get()) is not None:
            if isinstance(reminder, Doorbell):
                self.publish(reminder)
            else:
                self._tell(reminder.job_id)

    def _tell(self, job_id: str) -> None:
        if self._notices is None or time.monotonic() < self._quiet_until["notices"]:
            return
        try:
            self._notices.publish(CHANGES_CHANNEL, job_id)
        except (RedisError, OSError) as error:
            self._quiet_until["notices"] = time.monotonic() + BROKER_PAUSE_SECONDS
            log.debug("change notice lost", extra={"cause": repr(error)})


def _notice_client(redis_url: str) -> Redis | None:
    """A client for change notices; None for a broker that is not Redis."""
    if not is_redis(redis_url):
        return None
    return Redis.from_url(
        redis_url,
        socket_timeout=NOTICE_TIMEOUT_SECONDS,
        socket_connect_timeout=NOTICE_TIMEOUT_SECONDS,
    )


def is_redis(url: str) -> bool:
    """Whether this broker can carry change notices beside doorbells."""
    return url.startswith(("redis://", "rediss://", "unix://"))


def _broker_url(url: str) -> str:
    """Celery's spelling of a Redis URL: a socket is redis+socket:// there."""
    return "redis+socket://" + url.removeprefix("unix://") if url.startswith("unix://") else url


def _transport_options(url: str) -> dict[str, str | float | bool]:
    if not is_redis(url):
        return {"polling_interval": 0.05}
    return {
        "visibility_timeout": 120,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": 30,
        "queue_order_strategy": "round_robin",
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 10,
        "global_keyprefix": "orc:",
        "deadletter_queue": "orc.dead",
    }
