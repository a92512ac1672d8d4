"""How does a service run as a process? Uvicorn with the suite's settings, and an orderly end."""

import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Literal, Protocol, TypeVar

import uvicorn
from fastapi import FastAPI

from editrefiner.serving.lifecycle import Lifecycle
from editrefiner.telemetry import configure_logging

KEEP_ALIVE_SECONDS = 600  # callers keep one connection for a whole job; a new one costs more than an idle one
LAST_ANSWERS_SECONDS = 5  # after the drain, for answers on their way
LEFTOVER_THREAD_SECONDS = 1.0

log = logging.getLogger(__name__)


class ProcessSettings(Protocol):
    """What running a process takes; `ServiceSettings` has it."""

    host: str
    port: int
    log_level: Literal["debug", "info", "warning", "error"]
    log_json: bool
    drain_seconds: float


SettingsT = TypeVar("SettingsT", bound=ProcessSettings)


def run_service(create_app: Callable[[SettingsT], FastAPI], settings: SettingsT) -> None:
    """Serve until SIGTERM or SIGINT, then drain and end with status 0; a second signal ends it at once.

    The app has its `Lifecycle` at `app.state.lifecycle`.
    """
    app = create_app(settings)
    lifecycle: Lifecycle = app.state.lifecycle
    configure_logging(lifecycle.service, level=settings.log_level, json=settings.log_json)
    lifecycle.before_ready.append(_tune_garbage_collection)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_ANSWERS_SECONDS,
    )
    try:
        _DrainingServer(config, lifecycle, settings.drain_seconds).run()
    finally:
        _leave_despite_threads()


class _DrainingServer(uvicorn.Server):
    """Goes on listening while accepted work is finished: probes and refusals still need an answer."""

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_seconds: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain_seconds = drain_seconds
        self._drain_ends_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 — as uvicorn calls it
        """Begin to drain; leave at once when asked a second time."""
        if self._drain_ends_at is None:
            self._drain_ends_at = time.monotonic() + self._drain_seconds
        else:
            self.should_exit = self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second."""
        if self._drain_ends_at is not None and not self.should_exit:
            self._lifecycle.drain()
            if self._lifecycle.is_idle:
                self.should_exit = True
            elif time.monotonic() >= self._drain_ends_at:
                self._lifecycle.give_up()
                self.should_exit = True
        return await super().on_tick(counter)


def _tune_garbage_collection() -> None:
    """What is loaded stays: take it out of every later collection, and collect young objects less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _leave_despite_threads() -> None:
    """A run that ignores its checkpoints must not hold the process: its result is not awaited by anyone."""
    others = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and not thread.daemon
    ]
    deadline = time.monotonic() + LEFTOVER_THREAD_SECONDS
    for thread in others:
        thread.join(max(0.0, deadline - time.monotonic()))
    if any(thread.is_alive() for thread in others):
        failed = sys.exc_info()[0] is not None
        log.warning("ended with a run still on the lane")
        logging.shutdown()
        os._exit(1 if failed else 0)
