"""How is the outcome of a refinement put into words? The same words in the terminal and in the report."""

from collections.abc import Sequence

from editrefiner.contracts import (
    EditCandidate,
    Iteration,
    JobResult,
    Operation,
    RegionPlan,
    StepKind,
    StopReason,
)

STOP_SENTENCES = {
    StopReason.NO_FLAWS: "It stopped because no flaw is left to repair.",
    StopReason.TARGET_REACHED: "It stopped because the target score was reached.",
    StopReason.NO_IMPROVEMENT: "It stopped because further rounds brought nothing better.",
    StopReason.MAX_ITERATIONS: "It stopped after the agreed number of rounds.",
    StopReason.DEADLINE: "It stopped at its deadline.",
    StopReason.BUDGET: "It stopped because the compute budget was used up.",
    StopReason.CANCELED: "It was canceled.",
    StopReason.FAILED: "It failed.",
}

OPERATION_PHRASES = {
    Operation.DIFFUSION: "edited again",
    Operation.TOOLS: "corrected with tools",
    Operation.RESTORE: "restored from the source",
    Operation.INPAINT: "filled in from its surroundings",
    Operation.LEAVE: "left as it is",
}

PHASES = {
    StepKind.SCORE: "score the edit as given",
    StepKind.PERCEIVE: "look for flaws",
    StepKind.DIAGNOSE: "explain them",
    StepKind.EDIT: "repair them",
    StepKind.RANK: "score the candidates",
}


def headline(result: JobResult) -> str:
    """The outcome in one line."""
    if result.improved:
        before, after = result.scores_before.overall, result.scores_after.overall
        return f"Repaired: overall score {before:.1f} -> {after:.1f}"
    if result.stop_reason is StopReason.NO_FLAWS:
        return "No flaw found: the edit is returned as it was given"
    return "Nothing better found: the edit is returned as it was given"


def plain(name: str) -> str:
    """A name of the vocabulary as words: `color_cast` -> `color cast`."""
    return name.replace("_", " ")


def accepted_candidate(iteration: Iteration) -> EditCandidate | None:
    """The candidate that a round kept."""
    if iteration.accepted is None or iteration.edit is None:
        return None
    return iteration.edit.candidates[iteration.accepted]


def repairs(iterations: Sequence[Iteration]) -> tuple[str, ...]:
    """What accepted rounds did, a line for each region they changed."""
    kept = [(iteration, accepted_candidate(iteration)) for iteration in iterations]
    return tuple(
        f"round {iteration.number}, {_what(iteration, step)}"
        for iteration, candidate in kept
        for step in (candidate.plan.regions if candidate else ())
        if step.operation is not Operation.LEAVE
    )


def plan_phrase(step: RegionPlan) -> str:
    """What is done to a region: `corrected with tools (harmonize, denoise)`."""
    tools = ", ".join(plain(call.name) for call in step.tool_calls if call.name != "mask")
    phrase = OPERATION_PHRASES[step.operation]
    return f"{phrase} ({tools})" if tools and step.operation is Operation.TOOLS else phrase


def change(before: float, after: float) -> str:
    """A difference of scores as it is written: `+1.2`, `-0.3`, and `0.0` for what rounds to nothing."""
    rounded = round(after - before, 1)
    return f"{rounded:+.1f}" if rounded else "0.0"


def _what(iteration: Iteration, step: RegionPlan) -> str:
    flaws = iteration.diagnosis.flaws if iteration.diagnosis else ()
    flaw = next((flaw for flaw in flaws if flaw.region_id == step.region_id), None)
    name = f"{step.region_id} ({plain(flaw.flaw_type)})" if flaw else step.region_id
    return f"{name}: {plan_phrase(step)}"
