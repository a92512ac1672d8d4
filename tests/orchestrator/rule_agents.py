"""How do the agents of these tests answer? By rule, or as a test says; all four are one ASGI app."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from editrefiner.artifacts import ArtifactStore, encode_png
from editrefiner.contracts import BackendInfo, ImageRef, Problem, StepKind, WireModel
from orchestrator.execution import VERBS
from tests.brightness_rule import SIDE, BrightnessRule

BACKEND = BackendInfo(name="rule", version="1", digest="0b" * 32)
KIND_OF = {path: kind for kind, (path, _) in VERBS.items()}


@dataclass(frozen=True)
class Call:
    """What an agent was asked with."""

    kind: StepKind
    key: str | None
    job_id: str | None
    deadline_ms: int | None


class RuleAgents:
    """All four agents as one ASGI app, which answer by brightness.

    `behave[kind]` may answer in place of the rule, or wait,
    or raise; it answers None to let the rule answer after all.
    """

    def __init__(self, artifacts: ArtifactStore) -> None:
        self.artifacts = artifacts
        self.rule = BrightnessRule(artifacts, BACKEND)
        self.calls: list[Call] = []
        self.aborted: list[StepKind] = []
        self.behave: dict[StepKind, Callable[[], Awaitable[Response | None]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        kind = KIND_OF[request.url.path]
        body = json.loads(await request.body())
        headers = request.headers
        deadline = headers.get("X-Deadline-Ms")
        self.calls.append(
            Call(
                kind,
                headers.get("Idempotency-Key"),
                headers.get("X-Job-Id"),
                int(deadline) if deadline else None,
            )
        )
        try:
            response = await self._answer(kind, body, receive)
        except asyncio.CancelledError:
            self.aborted.append(kind)
            raise
        if response is None:
            self.aborted.append(kind)
            return
        await response(scope, receive, send)

    async def _answer(self, kind: StepKind, body: dict[str, Any], receive: Receive) -> Response | None:
        """The answer; None when the caller hangs up meanwhile."""
        if kind in self.behave:
            behaving = asyncio.ensure_future(self.behave[kind]())
            hang_up = asyncio.ensure_future(receive())
            try:
                await asyncio.wait({behaving, hang_up}, return_when=asyncio.FIRST_COMPLETED)
                if not behaving.done():
                    return None
                given = behaving.result()
            finally:
                behaving.cancel()
                hang_up.cancel()
            if given is not None:
                return given
        answer = self._by_rule(kind, body)
        return Response(
            answer.model_dump_json(), headers={"X-Run-Seconds": "0.25"}, media_type="application/json"
        )

    def _by_rule(self, kind: StepKind, body: dict[str, Any]) -> WireModel:
        edited = ImageRef.model_validate(body["edited"]) if "edited" in body else None
        match kind, edited:
            case StepKind.RANK, None:
                return self.rule.rank([ImageRef.model_validate(image) for image in body["candidates"]])
            case StepKind.SCORE, ImageRef():
                return self.rule.score(edited)
            case StepKind.PERCEIVE, ImageRef():
                return self.rule.perceive(edited)
            case StepKind.DIAGNOSE, ImageRef():
                return self.rule.diagnose()
            case StepKind.EDIT, ImageRef():
                return self.rule.edit(edited, body["seed"])
        raise AssertionError(f"{kind} was asked with {sorted(body)}")


def problem(status: int, code: str, **headers: str) -> Response:
    """What an agent answers when it says no."""
    body = Problem(
        type=f"https://editrefiner.dev/problems/{code}",
        title=code,
        status=status,
        code=code,  # pyright: ignore[reportArgumentType] -- read by the model
        detail=f"said {code}",
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(body.model_dump(mode="json"), status, headers=named)


def png(brightness: int = 100, *, width: int = SIDE, height: int = SIDE, alpha: int | None = None) -> bytes:
    pixels = np.full((height, width, 3), brightness, np.uint8)
    if alpha is not None:
        pixels = np.dstack([pixels, np.full((height, width), alpha, np.uint8)])
    return encode_png(pixels)
