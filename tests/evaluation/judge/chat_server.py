"""A small server of the chat-completions protocol: answers as it is told, keeps what it was asked."""

import asyncio
import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from editrefiner.artifacts.codec import decode_image
from editrefiner.contracts import ImageLimits
from services.evaluation.backends.judge import JudgeScorer
from tests.evaluation.scorers import PixelScorer

Reply = Callable[[dict[str, Any]], Response]


@dataclass
class Server:
    """What the server was asked, and what it replies."""

    socket: socket.socket
    running: uvicorn.Server | None = None
    reply: Reply = field(default=lambda _body: said("7"))
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    seconds: float = 0.0
    """How long it thinks."""
    judges: list[JudgeScorer] = field(default_factory=list)
    """Closed in the end."""
    _now: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}/v1"

    @property
    def connections(self) -> int:
        """How many are open to it."""
        return 0 if self.running is None else len(self.running.server_state.connections)

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(self.seconds)
        self._now -= 1
        return self.reply(body)


@contextmanager
def bound() -> Iterator[Server]:
    """A server that has its port and refuses connections, until it is `answering`."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        yield Server(place)


@contextmanager
def answering(server: Server) -> Iterator[None]:
    """While it takes connections."""
    app = FastAPI()
    app.post("/v1/chat/completions")(server.answer)
    config = uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1)
    server.running = uvicorn.Server(config)
    thread = threading.Thread(target=server.running.run, kwargs={"sockets": [server.socket]}, daemon=True)
    thread.start()
    while not server.running.started:
        time.sleep(0.01)
    try:
        yield
    finally:
        server.running.should_exit = True
        thread.join(timeout=10)


def looking(body: dict[str, Any]) -> Response:
    """What a model that looks at both pictures says: digits with the mean that `PixelScorer` gives."""
    source, edited = pictures(body)
    words = question(body)
    marks = PixelScorer().marks(source, edited, "blue" if "blue" in words else "red")
    if "perceptual quality" in words:
        score = marks.perceptual_quality.value
    elif "what was asked for:" in words:
        score = marks.instruction_following.value
    else:
        score = marks.visual_consistency.value
    digit = min(int(score * 0.09), 8)
    upper = min(max(score * 0.09 - digit, 1e-9), 1 - 1e-9)
    return said(str(digit), {str(digit): 1 - upper, str(digit + 1): upper})


def said(text: str, probabilities: dict[str, float] | None = None) -> Response:
    """A completion as servers of this protocol write it, with the top tokens of its first place."""
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "length",
        "logprobs": None,
    }
    if probabilities is not None:
        top = [
            {"token": token, "logprob": float(np.log(p)), "bytes": list(token.encode())}
            for token, p in probabilities.items()
        ]
        choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}], "refusal": None}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return JSONResponse({**body, "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}})


def failed(status: int, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"message": "no"}}, status_code=status, headers=headers)


def redirected(url: str) -> Response:
    return RedirectResponse(url)


def question(body: dict[str, Any]) -> str:
    """The words of a question."""
    return body["messages"][1]["content"][2]["text"]


def pictures(body: dict[str, Any]) -> list[np.ndarray]:
    """The pictures of a question."""
    uris = [part["image_url"]["url"] for part in body["messages"][1]["content"][:2]]
    assert all(uri.startswith("data:image/png;base64,") for uri in uris)
    contents = [base64.b64decode(uri.split(",", 1)[1]) for uri in uris]
    return [decode_image(content, ImageLimits(), name="picture").pixels for content in contents]
