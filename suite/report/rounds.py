"""What does the report show of one round? Its maps, its regions, its candidates and its decision."""

from dataclasses import dataclass

import numpy as np

from editrefiner.contracts import (
    EditCandidate,
    FlawDiagnosis,
    FlawRegion,
    Iteration,
    Perception,
    RegionPlan,
    Registration,
    Scores,
)
from suite.outcome import Pictures
from suite.report.previews import Preview, around, close_up, heat, preview
from suite.wording import plan_phrase

ROUND_SIDE, ROUND_BYTES = 960, 250_000
CANDIDATE_SIDE, CANDIDATE_BYTES = 420, 50_000
CLOSE_UP_SIDE, CLOSE_UP_BYTES = 240, 18_000
ARTIFACT_RGB = (255, 122, 0)  # orange and violet: apart for colour-blind eyes, too
FAILURE_RGB = (150, 70, 255)
IDENTITY = Registration()


@dataclass(frozen=True, slots=True)
class RegionView:
    """One region: what was seen, what it was taken for, and what was done."""

    region: FlawRegion
    flaw: FlawDiagnosis | None
    plan: RegionPlan | None
    plan_text: str
    source: Preview
    before: Preview
    after: Preview | None


@dataclass(frozen=True, slots=True)
class CandidateView:
    """One repair that was tried."""

    number: int
    candidate: EditCandidate
    scores: Scores | None
    accepted: bool
    plan_text: str
    picture: Preview

    @property
    def fate(self) -> str:
        """What became of it."""
        if self.accepted:
            return "accepted"
        return "not accepted" if self.scores else "refused: changes protected pixels"


@dataclass(frozen=True, slots=True)
class RoundView:
    """One round."""

    iteration: Iteration
    base: Preview
    artifact_map: Preview | None
    failure_map: Preview | None
    regions: tuple[RegionView, ...]
    candidates: tuple[CandidateView, ...]

    @property
    def state(self) -> str:
        """One word: what the round came to."""
        if self.iteration.accepted is not None:
            return "accepted"
        if not self.iteration.decision:
            return "unfinished"
        return "rejected" if self.iteration.edit else "nothing to repair"


def show_round(iteration: Iteration, source: np.ndarray, pictures: Pictures) -> RoundView:
    """`iteration` of a job whose source is `source` (RGB)."""
    base = pictures.pixels(iteration.base)
    seen = iteration.perception
    return RoundView(
        iteration=iteration,
        base=preview(base, side=ROUND_SIDE, max_bytes=ROUND_BYTES),
        artifact_map=heat(pictures.gray(seen.artifact_map), ARTIFACT_RGB) if seen else None,
        failure_map=heat(pictures.gray(seen.failure_map), FAILURE_RGB) if seen else None,
        regions=_regions(iteration, seen, source, base, pictures) if seen else (),
        candidates=_candidates(iteration, pictures),
    )


def shown_candidate(iteration: Iteration) -> EditCandidate | None:
    """The candidate that stands for the round: the accepted one, else the best, else the first."""
    if iteration.edit is None or not iteration.edit.candidates:
        return None
    if iteration.accepted is not None:
        return iteration.edit.candidates[iteration.accepted]
    ranked = zip(iteration.scores, iteration.scored, strict=True)
    best = max(ranked, key=lambda pair: pair[0].overall, default=(None, 0))[1]
    return iteration.edit.candidates[best]


def _regions(
    iteration: Iteration, seen: Perception, source: np.ndarray, base: np.ndarray, pictures: Pictures
) -> tuple[RegionView, ...]:
    flaws = {flaw.region_id: flaw for flaw in (iteration.diagnosis.flaws if iteration.diagnosis else ())}
    candidate = shown_candidate(iteration)
    repaired = pictures.pixels(candidate.image) if candidate else None
    plans = {plan.region_id: plan for plan in (candidate.plan.regions if candidate else ())}

    def crop(rgb: np.ndarray, region: FlawRegion, registration: Registration = IDENTITY) -> Preview:
        box = around(region.bbox, (base.shape[0], base.shape[1]))
        return close_up(rgb, box, side=CLOSE_UP_SIDE, max_bytes=CLOSE_UP_BYTES, registration=registration)

    views = []
    for region in seen.regions:
        plan = plans.get(region.id)
        view = RegionView(
            region=region,
            flaw=flaws.get(region.id),
            plan=plan,
            plan_text=plan_phrase(plan) if plan else "left as it is",
            source=crop(source, region, seen.registration),
            before=crop(base, region),
            after=crop(repaired, region) if repaired is not None else None,
        )
        views.append(view)
    return tuple(views)


def _candidates(iteration: Iteration, pictures: Pictures) -> tuple[CandidateView, ...]:
    scores = dict(zip(iteration.scored, iteration.scores, strict=True))
    return tuple(
        CandidateView(
            number=index + 1,
            candidate=candidate,
            scores=scores.get(index),
            accepted=index == iteration.accepted,
            plan_text="; ".join(f"{plan.region_id} {plan_phrase(plan)}" for plan in candidate.plan.regions),
            picture=preview(pictures.pixels(candidate.image), side=CANDIDATE_SIDE, max_bytes=CANDIDATE_BYTES),
        )
        for index, candidate in enumerate(iteration.edit.candidates if iteration.edit else ())
    )
