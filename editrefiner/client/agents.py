"""How is an agent asked? One typed client per agent."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from editrefiner.client.base import Call, Channel, read_answer
from editrefiner.client.errors import AnswerUnreadableError
from editrefiner.contracts import (
    CompareRequest,
    Comparison,
    DiagnoseRequest,
    Diagnosis,
    EditRequest,
    EditResult,
    PerceiveRequest,
    Perception,
    ProbeReport,
    Ranking,
    RankRequest,
    RewardAnswer,
    RewardRequest,
    RunStatus,
    ScoreAnswer,
    ScoredItem,
    ScoreItem,
    ScoreRequest,
    ServiceInfo,
    WireModel,
    canonical_json,
    fingerprint,
)
from editrefiner.contracts.headers import REPLAYED, RUN_SECONDS

T = TypeVar("T", bound=WireModel)
ValueT = TypeVar("ValueT")
PNG = "image/png"


@dataclass(frozen=True, slots=True)
class Answered(Generic[ValueT]):
    """An answer with what is known about its making."""

    value: ValueT
    run_seconds: float
    """Compute time of the run, whenever that was."""
    replayed: bool
    """Whether it had been computed before."""


class AgentClient:
    """Any agent. `http` is one long-lived pool, shared by all clients of a process."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, *, retries: int = 0) -> None:
        self._channel = Channel(http, base_url, retries=retries)

    async def call(
        self,
        path: str,
        body: dict[str, Any],  # a JSON object: the dump of a request model
        answer: type[T],
        *,
        key: str | None = None,
        deadline_seconds: float | None = None,
    ) -> Answered[T]:
        """Run a verb. A call with a key may be repeated: its run is done once and its answer kept."""
        content = canonical_json(body)
        response = await self._channel.send(
            Call("POST", path, content=content, key=key, deadline_seconds=deadline_seconds)
        )
        return _answered(read_answer(response, answer), response)

    async def info(self) -> ServiceInfo:
        """The backend and the limits of the service."""
        return read_answer(await self._channel.send(Call("GET", "/v1/info")), ServiceInfo)

    async def run_status(self, key: str) -> RunStatus:
        """Where a run is."""
        return read_answer(await self._channel.send(Call("GET", _run_path(key))), RunStatus)

    async def cancel_run(self, key: str) -> RunStatus:
        """Cancel a run; RequestRejectedError when it is finished or unknown."""
        return read_answer(await self._channel.send(Call("DELETE", _run_path(key))), RunStatus)

    async def _ask(
        self,
        path: str,
        request: WireModel,
        answer: type[T],
        *,
        key: str | None,
        deadline_seconds: float | None,
    ) -> Answered[T]:
        body = request.model_dump(mode="json")
        return await self.call(path, body, answer, key=key, deadline_seconds=deadline_seconds)


class PerceptionClient(AgentClient):
    """Finds flaws."""

    async def perceive(
        self, request: PerceiveRequest, *, key: str | None = None, deadline_seconds: float | None = None
    ) -> Answered[Perception]:
        """Saliency maps and flaw regions."""
        return await self._ask(
            "/v1/perceive", request, Perception, key=key, deadline_seconds=deadline_seconds
        )

    async def overlay(
        self, request: PerceiveRequest, *, key: str | None = None, deadline_seconds: float | None = None
    ) -> Answered[bytes]:
        """The same run as a picture for people: a PNG of maps and regions over the edit."""
        content = canonical_json(request.model_dump(mode="json"))
        response = await self._channel.send(
            Call(
                "POST",
                "/v1/perceive?overlay=true",
                headers={"Accept": PNG},
                content=content,
                key=key,
                deadline_seconds=deadline_seconds,
            )
        )
        if response.headers.get("Content-Type") != PNG:
            raise AnswerUnreadableError(
                f"{response.request.url.path} answered no {PNG}. Are both sides of the same version?"
            )
        return _answered(response.content, response)


class ReasoningClient(AgentClient):
    """Explains flaws."""

    async def diagnose(
        self, request: DiagnoseRequest, *, key: str | None = None, deadline_seconds: float | None = None
    ) -> Answered[Diagnosis]:
        """One entry per region."""
        return await self._ask("/v1/diagnose", request, Diagnosis, key=key, deadline_seconds=deadline_seconds)


class ActionClient(AgentClient):
    """Repairs flaws."""

    async def edit(
        self, request: EditRequest, *, key: str | None = None, deadline_seconds: float | None = None
    ) -> Answered[EditResult]:
        """Finished candidates."""
        return await self._ask("/v1/edit", request, EditResult, key=key, deadline_seconds=deadline_seconds)


class EvaluationClient(AgentClient):
    """Judges edits."""

    async def score(
        self, request: ScoreRequest, *, key: str | None = None, deadline_seconds: float | None = None
    ) -> Answered[ScoreAnswer]:
        """Scores of one edit."""
        return await self._ask("/v1/score", request, ScoreAnswer, key=key, deadline_seconds=deadline_seconds)

    async def rank(
        self, request: RankRequest, *, key: str | None = None, deadline_seconds: float | None = None
    ) -> Answered[Ranking]:
        """Scores of several edits of one source, and their order."""
        return await self._ask("/v1/rank", request, Ranking, key=key, deadline_seconds=deadline_seconds)

    async def compare(
        self, request: CompareRequest, *, key: str | None = None, deadline_seconds: float | None = None
    ) -> Answered[Comparison]:
        """Which of two edits is better."""
        return await self._ask("/v1/compare", request, Comparison, key=key, deadline_seconds=deadline_seconds)

    async def score_batch(
        self, items: Sequence[ScoreItem], *, deadline_seconds: float | None = None
    ) -> AsyncGenerator[ScoredItem]:
        """Scores of at most MAX_BATCH_ITEMS edits, in order, each as soon as it is done.

        An item that cannot be scored comes with its problem. Closing the generator gives the rest up.
        """
        body = [item.model_dump(mode="json", exclude_none=True) for item in items]
        call = Call(
            "POST", "/v1/score:batch", content=canonical_json(body), deadline_seconds=deadline_seconds
        )
        count = 0
        async with aclosing(self._channel.lines(call)) as lines:
            async for line in lines:
                yield _scored(line)
                count += 1
        if count != len(items):
            raise AnswerUnreadableError(f"/v1/score:batch answered {count} of {len(items)} items.")

    async def reward(
        self, request: RewardRequest, *, deadline_seconds: float | None = None
    ) -> Answered[RewardAnswer]:
        """Rewards of many edits; repeating it computes nothing twice."""
        key = fingerprint(request.model_dump(mode="json"))
        return await self._ask(
            "/v1/reward", request, RewardAnswer, key=key, deadline_seconds=deadline_seconds
        )

    async def probe(self) -> ProbeReport:
        """Run the probes of the start again."""
        return read_answer(await self._channel.send(Call("POST", "/v1/probes")), ProbeReport)


def _scored(line: bytes) -> ScoredItem:
    try:
        return ScoredItem.model_validate_json(line)
    except ValidationError as error:
        raise AnswerUnreadableError("/v1/score:batch answered a line that is no scored item.") from error


def _answered(value: ValueT, response: httpx.Response) -> Answered[ValueT]:
    return Answered(
        value=value,
        run_seconds=_run_seconds(response),
        replayed=response.headers.get(REPLAYED) == "true",
    )


def _run_path(key: str) -> str:
    return f"/v1/runs/{quote(key, safe='')}"


def _run_seconds(response: httpx.Response) -> float:
    value = response.headers.get(RUN_SECONDS, "")
    try:
        return float(value)
    except ValueError as error:
        raise AnswerUnreadableError(
            f"{response.request.url.path} answered without a {RUN_SECONDS} header. Is it an agent?"
        ) from error
