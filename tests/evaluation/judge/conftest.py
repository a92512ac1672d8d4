"""A chat-completions server on this machine."""

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi import FastAPI

from tests.evaluation.judge.chat_server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """The server, on a free port of this machine."""
    state = Server()
    app = FastAPI()
    app.post("/v1/chat/completions")(state.answer)
    running = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, ws="none", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    state.url = f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/v1"
    yield state
    for judge in state.judges:
        judge.close()
    running.should_exit = True
    thread.join(timeout=10)
