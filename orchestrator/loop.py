"""What does a job do next? The refinement loop as a pure function of what is committed."""

import hashlib
import hmac
from collections.abc import Sequence

from pydantic import ValidationError

from editrefiner.contracts import (
    DiagnoseRequest,
    EditRequest,
    Iteration,
    JobResult,
    PerceiveRequest,
    RankRequest,
    RequestModel,
    ScoreRequest,
    StepKind,
    StopReason,
)
from orchestrator.jobs import CommittedStep, Finish, JobInputs, NewStep, StepAnswerError
from orchestrator.rounds import History, Round, replay

CONVERGED = frozenset({StopReason.NO_FLAWS, StopReason.TARGET_REACHED})  # nothing is left to do


def next_step(inputs: JobInputs, steps: Sequence[CommittedStep]) -> NewStep | Finish:
    """The step after `steps`, or the end. StepAnswerError when an agent's answer does not fit its request."""
    history = replay(inputs, steps)
    if history.given is None:
        return _score(inputs)
    if history.rounds and history.rounds[-1].verdict is None:
        return _within_round(inputs, history.rounds[-1], steps[-1]) or _finish(history, StopReason.NO_FLAWS)
    reason = _reason_to_stop(inputs, history)
    if reason is not None:
        return _finish(history, reason)
    return _perceive(inputs, history)


def finish_early(inputs: JobInputs, steps: Sequence[CommittedStep], reason: StopReason) -> JobResult | None:
    """The best picture so far, for a job that ends from outside. None when nothing was scored yet."""
    return _finish(replay(inputs, steps), reason).result


def iterations(inputs: JobInputs, steps: Sequence[CommittedStep]) -> tuple[Iteration, ...]:
    """Every round so far, the last one perhaps under way."""
    return tuple(_describe(current) for current in replay(inputs, steps).rounds)


def derive_seed(seed: int, iteration: int, kind: StepKind) -> int:
    """A seed of its own, of 53 bits, for each step of a job."""
    mac = hmac.digest(str(seed).encode(), f"{iteration}:{kind}".encode(), hashlib.sha256)
    return int.from_bytes(mac[:8], "big") >> 11


def _reason_to_stop(inputs: JobInputs, history: History) -> StopReason | None:
    """Why no further round begins. Reaching the goal comes before giving up, giving up before bounds."""
    parameters = inputs.parameters
    best = history.best
    target, budget = parameters.target_score, parameters.budget_seconds
    if target is not None and best is not None and best.scores.overall >= target:
        return StopReason.TARGET_REACHED
    if history.rejected_in_a_row >= parameters.patience:
        return StopReason.NO_IMPROVEMENT
    if len(history.rounds) >= parameters.max_iterations:
        return StopReason.MAX_ITERATIONS
    if budget is not None and sum(history.agent_seconds.values()) >= budget:
        return StopReason.BUDGET
    return None


def _within_round(inputs: JobInputs, current: Round, last: CommittedStep) -> NewStep | None:
    """The next step of a round under way; None when it found nothing to repair."""
    if current.edit is None and not current.flaws:
        return None
    try:
        if current.edit is not None:
            return _rank(inputs, current)
        return _diagnose(inputs, current) if current.diagnosis is None else _edit(inputs, current)
    except ValidationError as exc:
        raise StepAnswerError(
            f"step {last.seq} ({last.kind}): no further request can be made of what the {last.kind.agent} "
            f"service answered: {exc.errors()[0]['msg']}"
        ) from exc


def _score(inputs: JobInputs) -> NewStep:
    request = ScoreRequest(source=inputs.source, edited=inputs.edited, instruction=inputs.instruction)
    return _step(StepKind.SCORE, 0, request)


def _perceive(inputs: JobInputs, history: History) -> NewStep:
    assert history.best is not None, "a round begins after the edit as given is scored"
    request = PerceiveRequest(
        source=inputs.source,
        edited=history.best.image,
        instruction=inputs.instruction,
        max_regions=inputs.parameters.max_regions,
    )
    return _step(StepKind.PERCEIVE, len(history.rounds) + 1, request)


def _diagnose(inputs: JobInputs, current: Round) -> NewStep:
    request = DiagnoseRequest(
        source=inputs.source,
        edited=current.base.image,
        instruction=inputs.instruction,
        regions=current.perception.regions,
        registration=current.perception.registration,
        change=current.perception.change,
    )
    return _step(StepKind.DIAGNOSE, current.number, request)


def _edit(inputs: JobInputs, current: Round) -> NewStep:
    wanted = {region.id for region in current.flaws}
    diagnosed = current.diagnosis.flaws if current.diagnosis else ()
    request = EditRequest(
        source=inputs.source,
        edited=current.base.image,
        instruction=inputs.instruction,
        regions=current.flaws,
        flaws=tuple(flaw for flaw in diagnosed if flaw.region_id in wanted),
        registration=current.perception.registration,
        change=current.perception.change,
        candidates=inputs.parameters.candidates,
        attempt=current.attempt,
        seed=derive_seed(inputs.parameters.seed, current.number, StepKind.EDIT),
    )
    return _step(StepKind.EDIT, current.number, request)


def _rank(inputs: JobInputs, current: Round) -> NewStep:
    assert current.edit is not None, "candidates are ranked after they are made"
    request = RankRequest(
        source=inputs.source,
        candidates=tuple(current.edit.candidates[index].image for index in current.scored),
        instruction=inputs.instruction,
    )
    return _step(StepKind.RANK, current.number, request)


def _step(kind: StepKind, iteration: int, request: RequestModel) -> NewStep:
    return NewStep(kind=kind, iteration=iteration, request=request.model_dump(mode="json"))


def _finish(history: History, reason: StopReason) -> Finish:
    given, best = history.given, history.best
    if given is None or best is None:
        return Finish(reason, None)
    masks = tuple(
        current.edit.candidates[current.verdict.accepted].mask
        for current in history.rounds
        if current.edit and current.verdict and current.verdict.accepted is not None
    )
    result = JobResult(
        image=best.image,
        masks=masks,
        scores_before=given.scores,
        scores_after=best.scores,
        improved=bool(masks),
        converged=reason in CONVERGED,
        stop_reason=reason,
        iterations=len(history.rounds),
        agent_seconds=dict(history.agent_seconds),
    )
    return Finish(reason, result)


def _describe(current: Round) -> Iteration:
    return Iteration(
        number=current.number,
        base=current.base.image,
        perception=current.perception,
        diagnosis=current.diagnosis,
        edit=current.edit,
        scores=current.ranking.scores if current.ranking else (),
        scored=current.scored if current.ranking else (),
        accepted=current.verdict.accepted if current.verdict else None,
        decision=_decision(current),
        agent_seconds=dict(current.agent_seconds),
    )


def _decision(current: Round) -> str:
    """Why the round ended as it did; empty while it is under way."""
    if current.verdict is not None:
        return current.verdict.reason
    if not current.perception.regions:
        return "Nothing to repair: no flaw was seen."
    if not current.flaws:
        count = len(current.perception.regions)
        return f"Nothing to repair: on a closer look none of {count} regions is a flaw."
    return ""
