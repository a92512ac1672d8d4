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
from editrefiner.contracts import (
    BackendInfo,
    ChangeScope,
    ChangeSummary,
    Diagnosis,
    EditCandidate,
    EditKind,
    EditPlan,
    EditResult,
    FlawDiagnosis,
    FlawKind,
    FlawRegion,
    FlawType,
    Intervals,
    Operation,
    Perception,
    Problem,
    ProtectionReport,
    Ranking,
    Registration,
    ScoreAnswer,
    Scores,
    StepKind,
    Thresholds,
    WireModel,
)
from orchestrator.execution import VERBS

BACKEND = BackendInfo(name="rule", version="1", digest="0b" * 32)
SIDE = 16
KIND_OF = {path: kind for kind, (path, _) in VERBS.items()}


def scores(overall: float) -> Scores:
    interval = (overall, overall)
    return Scores(
        perceptual_quality=overall,
        instruction_following=overall,
        visual_consistency=overall,
        intervals=Intervals(
            perceptual_quality=interval, instruction_following=interval, visual_consistency=interval
        ),
    )


@dataclass(frozen=True)
class Call:
    """What an agent was asked with."""

    kind: StepKind
    key: str | None
    job_id: str | None
    deadline_ms: int | None


class RuleAgents:
    """All four agents as one ASGI app. A picture's score is its brightness; a round makes it brighter by 10.

    A picture of brightness 200 or more has no flaw. `behave[kind]` may answer in place of the rule, or wait,
    or raise; it answers None to let the rule answer after all.
    """

    def __init__(self, artifacts: ArtifactStore) -> None:
        self.artifacts = artifacts
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
        answer = getattr(self, kind)(body)
        return Response(
            answer.model_dump_json(), headers={"X-Run-Seconds": "0.25"}, media_type="application/json"
        )

    def brightness(self, image: dict[str, Any]) -> float:
        return float(self.artifacts.pixels(image["sha256"]).mean())

    def score(self, body: dict[str, Any]) -> WireModel:
        return ScoreAnswer(scores=scores(self.brightness(body["edited"]) / 4), backend=BACKEND)

    def rank(self, body: dict[str, Any]) -> WireModel:
        each = tuple(scores(self.brightness(image) / 4) for image in body["candidates"])
        return Ranking(scores=each, order=tuple(range(len(each))), backend=BACKEND)

    def perceive(self, body: dict[str, Any]) -> WireModel:
        full = self.artifacts.put_pixels(np.full((SIDE, SIDE), 255, np.uint8))
        region = FlawRegion(
            id="r1",
            kind=FlawKind.ARTIFACT,
            bbox=(0, 0, 4, 4),
            area=16,
            mean_saliency=0.9,
            peak_saliency=1.0,
            mask=self.artifacts.put_pixels(np.full((4, 4), 255, np.uint8)),
        )
        return Perception(
            artifact_map=full,
            failure_map=full,
            mask=full,
            regions=() if self.brightness(body["edited"]) >= 200 else (region,),
            thresholds=Thresholds(artifact=0.5, editing_failure=0.5),
            registration=Registration(),
            change=ChangeSummary(scope=ChangeScope.LOCAL, edit_kind=EditKind.UNKNOWN, changed_fraction=0.1),
            backend=BACKEND,
        )

    def diagnose(self, body: dict[str, Any]) -> WireModel:
        flaw = FlawDiagnosis(
            region_id="r1",
            flaw_type=FlawType.BLUR,
            flaw_type_text="blur",
            explanation="It is blurred.",
            severity=0.5,
            confidence=0.9,
            suggested_operation=Operation.RESTORE,
            edit_instruction="Sharpen it.",
        )
        return Diagnosis(flaws=(flaw,), summary="One flaw.", backend=BACKEND)

    def edit(self, body: dict[str, Any]) -> WireModel:
        brighter = self.artifacts.pixels(body["edited"]["sha256"]) + np.uint8(10)
        report = ProtectionReport(
            max_difference_outside=0,
            mean_difference_outside=0,
            mask_pixels=256,
            changed_pixels=256,
            holds=True,
        )
        candidate = EditCandidate(
            image=self.artifacts.put_pixels(brighter),
            mask=self.artifacts.put_pixels(np.full((SIDE, SIDE), 255, np.uint8)),
            plan=EditPlan(regions=()),
            protection=report,
            seed=body["seed"],
        )
        return EditResult(candidates=(candidate,), backend=BACKEND)


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
