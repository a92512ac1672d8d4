"""What does a person see while a job runs? A line for each finished step, and the one that is under way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from editrefiner.contracts import JobEvent, StepKind
from suite.wording import PHASES

WHERE, AGENT, PHASE = 10, 12, 25  # widths of columns


class Display(Protocol):
    """Something that is told of each event of a job, in order."""

    def take(self, event: JobEvent) -> None:
        """Show it."""
        ...


class Silence:
    """Shows nothing."""

    def take(self, event: JobEvent) -> None:
        """Show nothing."""


class Lines:
    """One plain line for each event that says something."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def take(self, event: JobEvent) -> None:
        """Print it."""
        line = describe(event)
        if line is not None:
            self._console.print(line, highlight=False, soft_wrap=True)


class Live:
    """The same lines, with a moving one below for the step that runs."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lines = Lines(progress.console)
        self._running: TaskID | None = None

    def take(self, event: JobEvent) -> None:
        """Print it, and show what comes next."""
        self._lines.take(event)
        if event.type in {"step.retried", "iteration.completed", "job.canceling"}:
            return  # the step that runs goes on
        if self._running is not None:
            self._progress.remove_task(self._running)
            self._running = None
        upcoming = following(event)
        if upcoming is not None:
            self._running = self._progress.add_task(upcoming, total=None)


@contextmanager
def display(console: Console, *, quiet: bool) -> Iterator[Display]:
    """What fits the console: live on a terminal, lines in a file, silence when asked for."""
    if quiet:
        yield Silence()
    elif not console.is_terminal:
        yield Lines(console)
    else:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            yield Live(progress)


def describe(event: JobEvent) -> str | None:
    """An event in one line of console markup; None when it says nothing to a person."""
    detail = event.detail
    match event.type:
        case "step.completed":
            kind = StepKind(str(detail["kind"]))
            seconds = float(detail["run_seconds"] or 0.0)
            return f"{_place(event)}{kind.agent:<{AGENT}}{PHASES[kind]:<{PHASE}}{seconds:7.2f} s"
        case "step.retried":
            failure = f"attempt {detail['attempt']} failed ({detail['code']}); trying again"
            return f"{'':<{WHERE}}[yellow]{failure}[/]"
        case "iteration.completed":
            style = "green" if detail["accepted"] else "default"
            return f"{_place(event)}[{style}]{escape(str(detail['decision']))}[/]"
        case "job.canceling":
            return "canceling ..."
        case _:
            return None


def following(event: JobEvent) -> str | None:
    """The step that runs after this event; None when none does."""
    is_first = event.type in {"job.created", "job.started"}
    upcoming = StepKind.SCORE if is_first else event.detail.get("next")
    if upcoming is None:
        return None
    kind = StepKind(str(upcoming))
    return f"{kind.agent}: {PHASES[kind]}"


def _place(event: JobEvent) -> str:
    number = int(event.detail.get("iteration") or 0)
    return f"{f'round {number}' if number else 'as given':<{WHERE}}"
