"""A small server of the chat-completions protocol: answers as it is told, keeps what it was asked."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fastapi import Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from editrefiner.artifacts.codec import decode_image
from editrefiner.contracts import ImageLimits
from services.evaluation.backends.judge import JudgeScorer

Reply = Callable[[dict[str, Any]], Response]


@dataclass
class Server:
    """What the server was asked, and what it replies."""

    url: str = ""
    reply: Reply = field(default=lambda _body: said("7"))
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    seconds: float = 0.0
    """How long it thinks."""
    judges: list[JudgeScorer] = field(default_factory=list)
    """Closed in the end."""
    _now: int = 0

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(self.seconds)
        self._now -= 1
        return self.reply(body)


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
