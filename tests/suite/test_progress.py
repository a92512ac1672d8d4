"""Progress: what a person reads while a job runs, on a terminal and in a file."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from editrefiner.contracts import JobEvent
from suite.progress import describe, display, following

AT = datetime(2026, 3, 14, tzinfo=UTC)


def event(of_type: str, **detail) -> JobEvent:
    return JobEvent(seq=1, type=of_type, at=AT, detail=detail)


def step(kind: str, iteration: int, upcoming: str | None) -> JobEvent:
    agents = {"score": "evaluation", "perceive": "perception", "edit": "action"}
    return event(
        "step.completed", kind=kind, agent=agents[kind], iteration=iteration, run_seconds=1.234, next=upcoming
    )


HISTORY = (
    event("job.created"),
    event("job.started"),
    step("score", 0, "perceive"),
    step("perceive", 1, "diagnose"),
    event("step.retried", seq=2, attempt=1, code="backend_failed"),
    event("iteration.completed", iteration=1, accepted=True, overall=78.6, decision="Accepted candidate 2."),
    event("job.succeeded"),
)


def shown(history, *, terminal: bool, quiet: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100, color_system=None)
    with display(console, quiet=quiet) as progress:
        for each in history:
            progress.take(each)
    return out.getvalue()


def test_a_file_gets_one_plain_line_for_each_thing_that_happened():
    assert shown(HISTORY, terminal=False).splitlines() == [
        "as given  evaluation  score the edit as given     1.23 s",
        "round 1   perception  look for flaws              1.23 s",
        "          attempt 1 failed (backend_failed); trying again",
        "round 1   Accepted candidate 2.",
    ]


def test_a_terminal_gets_the_same_lines():
    lines = shown(HISTORY, terminal=True)

    for line in shown(HISTORY, terminal=False).splitlines():
        assert line in lines


def test_quiet_is_quiet():
    assert shown(HISTORY, terminal=True, quiet=True) == ""


def test_words_of_a_model_are_not_taken_for_markup():
    said = event("iteration.completed", iteration=1, accepted=False, decision="[red]Rejected[/red] [/]")

    assert "[red]Rejected[/red] [/]" in shown((said,), terminal=False)


@pytest.mark.parametrize(
    ("of", "next_step"),
    [
        (event("job.created"), "evaluation: score the edit as given"),
        (step("perceive", 1, "diagnose"), "reasoning: explain them"),
        (step("perceive", 1, None), None),
        (event("job.succeeded"), None),
    ],
)
def test_the_moving_line_names_what_runs_now(of, next_step):
    assert following(of) == next_step


def test_events_of_later_versions_are_passed_over():
    assert describe(event("job.frozen", because="of ice")) is None
