"""How is one claimed step run? The agent is asked under the lease; then commit, retry, fail or give back.

| what happens                                       | what becomes of the step                            |
|----------------------------------------------------|-----------------------------------------------------|
| an answer of the right form                        | committed; the next step is to be rung for          |
| the agent is busy, loading or draining (503, 429)  | given back until Retry-After, no attempt counted    |
| no connection comes about                          | given back for a moment, no attempt counted         |
| the run was canceled by another caller             | given back for a moment                             |
| 504, or no answer in the time left to the job      | given back; the next claim or sweep expires the job |
| the connection breaks during the call              | crash attempt                                       |
| any other 5xx                                      | crash attempt                                       |
| the answer cannot be read                          | crash attempt                                       |
| the agent refuses the request (4xx)                | the job fails                                       |
| the answer does not fit the question               | the job fails                                       |
| the lease is lost                                  | nothing is written; somebody else has the step      |
| a heartbeat sees that the job is canceled          | call closed, so the agent stops; the job ends       |
| the worker shuts down                              | call closed; given back at once                     |

What is given back without an attempt counted is bounded by the job's deadline.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import httpx
from anyio import to_thread

from editrefiner.client import (
    ActionClient,
    AgentClient,
    Answered,
    ClientError,
    ConnectionLostError,
    DeadlineError,
    EvaluationClient,
    PerceptionClient,
    ReasoningClient,
    RequestRejectedError,
    RunCanceledError,
    ServiceUnavailableError,
    ServiceUnreachableError,
)
from editrefiner.contracts import (
    Diagnosis,
    EditResult,
    Perception,
    Ranking,
    ScoreAnswer,
    StepKind,
    WireModel,
    fingerprint,
)
from editrefiner.telemetry import context
from orchestrator.jobs import (
    Claim,
    Doorbell,
    JobStore,
    LeaseLostError,
    LeaseState,
    StepAnswerError,
    StoreUnavailableError,
)
from orchestrator.store.failpoints import declare, failpoint

BUSY_SECONDS = 1.0  # for an agent that does not say for how long
UNREACHABLE_SECONDS = 2.0  # a container that restarts takes a few of these
COMMIT_TRIES = 4  # each waits some seconds for the database by itself

declare("step.answered")
log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """How an attempt ended."""

    DONE = "done"
    BUSY = "busy"
    CRASHED = "crashed"
    FAILED = "failed"
    CANCELED = "canceled"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class StepEnd:
    """The end of an attempt, and what should be rung for now or a little later."""

    outcome: Outcome
    doorbell: Doorbell | None = None
    ring_after_seconds: float = 0.0


VERBS: Mapping[StepKind, tuple[str, type[WireModel]]] = {
    StepKind.SCORE: ("/v1/score", ScoreAnswer),
    StepKind.PERCEIVE: ("/v1/perceive", Perception),
    StepKind.DIAGNOSE: ("/v1/diagnose", Diagnosis),
    StepKind.EDIT: ("/v1/edit", EditResult),
    StepKind.RANK: ("/v1/rank", Ranking),
}


def connect_agents(http: httpx.AsyncClient, urls: Mapping[str, str]) -> dict[str, AgentClient]:
    """Clients of the four agents, by name, over one connection pool."""
    kinds = {
        "perception": PerceptionClient,
        "reasoning": ReasoningClient,
        "action": ActionClient,
        "evaluation": EvaluationClient,
    }
    return {name: kind(http, urls[name]) for name, kind in kinds.items()}


async def run_step(
    store: JobStore, agents: Mapping[str, AgentClient], claim: Claim, *, heartbeat_seconds: float = 10.0
) -> StepEnd:
    """Run the step to its end or give it back. StoreUnavailableError when the database stays away.

    When the task that awaits this is canceled, the step is given back before the cancellation goes on.
    """
    trace = f"00-{fingerprint(claim.job_id)[:32]}-{claim.token[:16]}-01"  # one trace per job
    with context.bind(job=claim.job_id, request=context.new_request_id(), trace=trace):
        try:
            return await _run(store, agents, claim, heartbeat_seconds)
        except LeaseLostError:
            log.info("lease lost", extra={"seq": claim.seq, "kind": claim.kind})
            return StepEnd(Outcome.LOST)
        except asyncio.CancelledError:
            with contextlib.suppress(LeaseLostError, StoreUnavailableError):
                await to_thread.run_sync(partial(store.release, claim, busy_for_seconds=0.0))
            raise


async def _run(
    store: JobStore, agents: Mapping[str, AgentClient], claim: Claim, heartbeat_seconds: float
) -> StepEnd:
    try:
        answered = await _ask(store, agents[claim.kind.agent], claim, heartbeat_seconds)
        if answered is LeaseState.CANCEL:
            await to_thread.run_sync(store.abort, claim)
            return StepEnd(Outcome.CANCELED)
        if isinstance(answered, LeaseState):
            return StepEnd(Outcome.LOST)
        failpoint("step.answered")
        return StepEnd(Outcome.DONE, await _commit(store, claim, answered))
    except (ClientError, StepAnswerError) as error:
        return await _settle(store, claim, error)


async def _ask(
    store: JobStore, agent: AgentClient, claim: Claim, heartbeat_seconds: float
) -> Answered[WireModel] | LeaseState:
    """The agent's answer, or why it is not wanted any more."""
    path, answer = VERBS[claim.kind]
    call = asyncio.ensure_future(
        agent.call(path, claim.request, answer, key=claim.key, deadline_seconds=claim.deadline_seconds)
    )
    lease = asyncio.ensure_future(_keep_lease(store, claim, heartbeat_seconds))
    try:
        await asyncio.wait({call, lease}, return_when=asyncio.FIRST_COMPLETED)
        return call.result() if call.done() else lease.result()
    finally:
        call.cancel()
        lease.cancel()
        await asyncio.gather(call, lease, return_exceptions=True)  # the connection is closed now


async def _keep_lease(store: JobStore, claim: Claim, heartbeat_seconds: float) -> LeaseState:
    """Extend the lease until it is not ours to extend."""
    while True:
        await asyncio.sleep(heartbeat_seconds)
        try:
            state = await to_thread.run_sync(store.heartbeat, claim)
        except StoreUnavailableError as error:  # the agent may go on: the commit is fenced
            log.warning("heartbeat missed", extra={"seq": claim.seq, "cause": error.detail})
            continue
        if state is not LeaseState.HELD:
            return state


async def _commit(store: JobStore, claim: Claim, answered: Answered[WireModel]) -> Doorbell | None:
    """Write the answer. A commit whose outcome is unknown can be repeated."""
    value = answered.value
    assert isinstance(value, ScoreAnswer | Perception | Diagnosis | EditResult | Ranking)
    commit = partial(
        store.commit,
        claim,
        value.model_dump(mode="json"),
        run_seconds=answered.run_seconds,
        backend_digest=value.backend.digest,
    )
    for _ in range(COMMIT_TRIES - 1):
        with contextlib.suppress(StoreUnavailableError):
            return await to_thread.run_sync(commit)
    return await to_thread.run_sync(commit)


async def _settle(store: JobStore, claim: Claim, error: ClientError | StepAnswerError) -> StepEnd:
    """What becomes of a step whose call did not end in an answer: the rows of the table above."""
    log.warning("step not done", extra={"seq": claim.seq, "kind": claim.kind, "cause": error.detail})
    match error:
        case ServiceUnavailableError():
            return await _give_back(store, claim, error.retry_after_seconds or BUSY_SECONDS)
        case ServiceUnreachableError() if not _was_lost(error):
            return await _give_back(store, claim, UNREACHABLE_SECONDS)
        case RunCanceledError() | DeadlineError():
            return await _give_back(store, claim, BUSY_SECONDS)
        case RequestRejectedError() | StepAnswerError():
            await to_thread.run_sync(store.fail, claim, error.problem())
            return StepEnd(Outcome.FAILED)
        case _:
            await to_thread.run_sync(store.crash, claim, error.problem())
            return StepEnd(Outcome.CRASHED)


async def _give_back(store: JobStore, claim: Claim, seconds: float) -> StepEnd:
    await to_thread.run_sync(partial(store.release, claim, busy_for_seconds=seconds))
    return StepEnd(Outcome.BUSY, Doorbell(claim.job_id, claim.seq, claim.kind), seconds)


def _was_lost(error: BaseException | None) -> bool:
    """Whether an agent vanished during this call.

    The client repeats a broken call once; that the repeat finds nobody must not hide what went before, or a
    picture that kills its agent would be tried until the deadline.
    """
    while error is not None:
        if isinstance(error, ConnectionLostError):
            return True
        error = error.__context__
    return False
