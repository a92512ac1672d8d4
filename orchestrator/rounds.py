"""What became of each round so far, and did it better the picture?"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, TypeVar

from pydantic import ValidationError

from editrefiner.contracts import (
    DIMENSIONS,
    Diagnosis,
    EditResult,
    FlawRegion,
    ImageRef,
    Perception,
    Ranking,
    ScoreAnswer,
    Scores,
    StepKind,
    Tolerance,
    WireModel,
)
from orchestrator.jobs import CommittedStep, JobInputs, StepAnswerError

Answer = TypeVar("Answer", bound=WireModel)

CHANCE = 0.1  # that an attempt which is no better exceeds a calibrated scorer's decision margin


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that is, or was, the best."""

    image: ImageRef
    scores: Scores


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a round came to. `accepted` is an index into the candidates; None = all were rejected."""

    accepted: int | None
    reason: str
    """One sentence for people."""


@dataclass(slots=True)
class Round:
    """One pass over the agents that tries to improve `base`. Answers that are None are not in yet."""

    number: int
    base: Kept
    attempt: int
    """Rounds on this very base that were rejected before."""
    perception: Perception
    diagnosis: Diagnosis | None = None
    edit: EditResult | None = None
    scored: tuple[int, ...] = ()
    """Candidates that keep what must not change; only these are ranked."""
    ranking: Ranking | None = None
    verdict: Verdict | None = None
    """None while the round is under way."""
    agent_seconds: dict[str, float] = field(default_factory=lambda: defaultdict[str, float](float))

    @property
    def flaws(self) -> tuple[FlawRegion, ...]:
        """Regions to repair: those perceived, less those that the diagnosis takes for no flaw."""
        found = self.diagnosis.flaws if self.diagnosis else ()
        cleared = {flaw.region_id for flaw in found if not flaw.is_flaw}
        return tuple(region for region in self.perception.regions if region.id not in cleared)

    @property
    def kept(self) -> Kept:
        """The best picture after this round."""
        accepted = self.verdict.accepted if self.verdict else None
        if accepted is None or self.edit is None or self.ranking is None:
            return self.base
        scores = self.ranking.scores[self.scored.index(accepted)]
        return Kept(self.edit.candidates[accepted].image, scores)


@dataclass(slots=True)
class History:
    """A job so far. `given` is None until the edit as given is scored."""

    given: Kept | None = None
    rounds: list[Round] = field(default_factory=list[Round])
    agent_seconds: dict[str, float] = field(default_factory=lambda: defaultdict[str, float](float))

    @property
    def best(self) -> Kept | None:
        """The best picture so far, which may be the one given."""
        return self.rounds[-1].kept if self.rounds else self.given

    @property
    def rejected_in_a_row(self) -> int:
        """Rounds since the last accepted one, each on the same base."""
        return count_rejected(self.rounds)


def replay(inputs: JobInputs, steps: Sequence[CommittedStep]) -> History:
    """The history that committed steps amount to. StepAnswerError when an answer does not fit its request."""
    history = History()
    for step in steps:
        if step.kind is StepKind.SCORE:
            history.given = Kept(inputs.edited, _answer(ScoreAnswer, step).scores)
        elif step.kind is StepKind.PERCEIVE:
            history.rounds.append(_begin(history, step))
        else:
            _go_on(history.rounds[-1], step, inputs.parameters.tolerance)
        for whole in (history, *history.rounds[-1:]):
            whole.agent_seconds[step.kind.agent] += step.run_seconds
    return history


def judge(base: Scores, ranked: Mapping[int, Scores], tolerance: Tolerance) -> Verdict:
    """Accept the best candidate that gains more than the margin, as `widened`, and loses too much nowhere."""
    if not ranked:
        return Verdict(None, "Rejected: no candidate was made that leaves the rest of the picture untouched.")
    objections: list[str] = []
    for index in sorted(ranked, key=lambda index: -ranked[index].overall):
        objection = _objection(base, ranked[index], tolerance, len(ranked))
        if objection is None:
            gain = ranked[index].overall - base.overall
            reason = f"Accepted candidate {index + 1}: overall {ranked[index].overall:.1f}, {gain:+.1f}."
            return Verdict(index, reason)
        objections.append(f"Rejected: the best candidate, {index + 1}, {objection}.")
    return Verdict(None, objections[0])


def widened(margin: float, compared: int) -> float:
    """A margin for one comparison, as large as the best of so many needs it to be wrong no more often.

    Several that are no better have as many chances to look better, so each gets its share of CHANCE:
    together they are accepted in at most that share of rounds, where errors are normal and the margin is
    calibrated to it. One comparison changes nothing, and a scorer without a margin gets none.
    """
    normal = NormalDist()
    return margin * normal.inv_cdf(1 - CHANCE / compared) / normal.inv_cdf(1 - CHANCE)


def count_rejected(rounds: Sequence[Round]) -> int:
    """How many of the last rounds were rejected one after the other."""
    count = 0
    for finished in reversed(rounds):
        if finished.verdict is None or finished.verdict.accepted is not None:
            break
        count += 1
    return count


def _begin(history: History, step: CommittedStep) -> Round:
    assert history.best is not None, "a round begins after the edit as given is scored"
    return Round(
        number=step.iteration,
        base=history.best,
        attempt=history.rejected_in_a_row,
        perception=_answer(Perception, step),
    )


def _go_on(current: Round, step: CommittedStep, tolerance: Tolerance) -> None:
    if step.kind is StepKind.DIAGNOSE:
        current.diagnosis = _answer(Diagnosis, step)
        return
    if step.kind is StepKind.EDIT:
        current.edit = _answer(EditResult, step)
        candidates = enumerate(current.edit.candidates)
        current.scored = tuple(index for index, candidate in candidates if candidate.protection.holds)
        if current.scored:
            return
    else:
        current.ranking = _answer(Ranking, step)
    scores = current.ranking.scores if current.ranking else ()
    if len(scores) != len(current.scored):
        raise StepAnswerError(
            f"step {step.seq} ({step.kind}): {len(scores)} scores for {len(current.scored)} candidates; "
            "the evaluation service must answer one for each, in the order of the request"
        )
    ranked = dict(zip(current.scored, scores, strict=True))
    current.verdict = judge(current.base.scores, ranked, tolerance)


def _objection(base: Scores, candidate: Scores, tolerance: Tolerance, compared: int) -> str | None:
    margin = max(base.decision_margin, candidate.decision_margin)
    needed = widened(margin, compared)
    gain = candidate.overall - base.overall
    if gain <= needed:
        asked = f"it has to gain more than the scorer's margin of {margin:.1f}"
        if compared > 1:
            asked = (
                f"the best of {compared} has to gain more than {needed:.1f}: "
                f"the scorer's margin for one is {margin:.1f}"
            )
        return f"changes the overall score by {round(gain, 1) + 0.0:+.1f}; {asked}"  # + 0.0: never "-0.0"
    for name, fall, allowed in _falls(base, candidate, tolerance):
        if fall > allowed:
            return f"loses {fall:.1f} in {name.replace('_', ' ')}, more than the {allowed:.1f} tolerated"
    return None


def _falls(base: Scores, candidate: Scores, tolerance: Tolerance) -> Iterable[tuple[str, float, float]]:
    for name in DIMENSIONS:
        before: float = getattr(base, name)
        after: float = getattr(candidate, name)
        allowed: float = getattr(tolerance, name)
        yield name, before - after, allowed


def _answer(kind: type[Answer], step: CommittedStep) -> Answer:
    try:
        return kind.model_validate(step.result)
    except ValidationError as exc:
        first: Mapping[str, Any] = {**exc.errors()[0]}  # Any: pydantic's own error dictionary
        where = ".".join(str(part) for part in first["loc"]) or "answer"
        raise StepAnswerError(
            f"step {step.seq} ({step.kind}): the {step.kind.agent} service's {where} cannot be read: "
            f"{first['msg']}"
        ) from exc
