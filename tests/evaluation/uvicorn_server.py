"""The evaluation service on a real socket, in a thread of the test's process."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from fastapi import FastAPI

START_SECONDS = 60


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Its URL, once it is ready."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        _wait_ready(url)
        yield url
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listening.close()


def _wait_ready(url: str) -> None:
    for _ in range(START_SECONDS * 20):
        response = httpx.get(f"{url}/readyz", timeout=START_SECONDS)
        if response.status_code == httpx.codes.OK:
            return
        assert "failed" not in response.text, response.text
        time.sleep(0.05)
    raise AssertionError("the service did not become ready")
