"""What does a person need to know at the end? The scores, what was repaired, and where the files are."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from editrefiner.contracts import DIMENSIONS
from suite.outcome import Refinement
from suite.wording import STOP_SENTENCES, change, headline, plain, repairs

MEANINGS = {
    "refined": "the picture",
    "mask": "what was allowed to change",
    "report": "open this in a browser",
    "bundle": "for 'editrefiner replay'",
    "result": "scores and rounds as data",
}


def print_summary(console: Console, refinement: Refinement, files: dict[str, Path]) -> None:
    """Write the end of a refinement to a terminal or a file."""
    result = refinement.result
    console.print(f"\n[bold]{headline(result)}[/]", highlight=False)
    console.print(_scores(refinement))
    for line in repairs(refinement.iterations):
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    console.print(STOP_SENTENCES[result.stop_reason], highlight=False)
    provisional = [name for name, backend in refinement.backends.items() if backend.provisional]
    if provisional:
        note = f"Scores compare pictures of this job only: provisional backends in {', '.join(provisional)}."
        console.print(note, style="dim", highlight=False, soft_wrap=True)
    console.print()
    width = max(len(str(path)) for path in files.values())
    for name, path in files.items():
        console.print(f"  {path!s:<{width}}  [dim]{MEANINGS[name]}[/]", highlight=False, soft_wrap=True)


def _scores(refinement: Refinement) -> Table:
    before, after = refinement.result.scores_before, refinement.result.scores_after
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("", min_width=22)
    for title in ("as given", "returned", "change"):
        table.add_column(title, justify="right", header_style="dim")
    for name in (*DIMENSIONS, "overall"):
        was, now = getattr(before, name), getattr(after, name)
        moved = change(was, now)
        color = {"+": "green", "-": "red"}.get(moved[0], "dim")
        style = "bold" if name == "overall" else ""
        table.add_row(plain(name), f"{was:.1f}", f"{now:.1f}", f"[{color}]{moved}[/]", style=style)
    return table
