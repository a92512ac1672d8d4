"""What can be done from a terminal? The commands of `editrefiner`, their arguments and their exit codes."""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from editrefiner import __version__
from suite.arguments import count, parameter, port

if TYPE_CHECKING:
    from editrefiner.contracts import Problem

DEFAULT_URL = "http://127.0.0.1:8100"
EXIT_CODES = """
exit codes:
  0    done; for refine also when the edit comes back unchanged
  1    refused or failed: one sentence on standard error says why
  2    the command line is wrong
  130  interrupted by Ctrl-C
  143  ended by SIGTERM
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        run: Callable[[argparse.Namespace], int] = importlib.import_module(
            options.module
        ).run  # late: quick help
        return run(options)
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        sys.stderr.write(f"editrefiner: {error}. Install the suite: pip install 'editrefiner[suite]'\n")
        return 1
    except BrokenPipeError:  # whoever read our output has seen enough
        sys.stderr.close()
        return 1
    except Exception as error:  # ProblemError, whose import help and --version do without
        from editrefiner.contracts import ProblemError  # noqa: PLC0415 — as above

        if not isinstance(error, ProblemError):
            raise
        sys.stderr.write(f"editrefiner: {_reason(error.problem())}\n")
        return 1


def _reason(problem: "Problem") -> str:
    """One line: what is wrong, and in which fields."""
    fields = "; ".join(f"{error.field} {error.message}" for error in problem.errors)
    return " ".join((f"{problem.detail} {fields}" if fields else problem.detail).split())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="editrefiner",
        description="Finds and repairs the local flaws that text-guided image editors leave behind.",
        epilog=EXIT_CODES + "\n'editrefiner COMMAND --help' shows examples.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"editrefiner {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_refine, _add_demo, _add_score, _add_serve, _add_jobs, _add_replay, _add_doctor):
        add(commands)
    return parser


Commands = Any  # argparse has no public name for what add_subparsers returns


def _command(
    commands: Commands, name: str, module: str, summary: str, examples: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[:1].upper() + summary[1:] + ".",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(module=module)
    return cast("argparse.ArgumentParser", parser)


def _add_refine(commands: Commands) -> None:
    parser = _command(
        commands,
        "refine",
        "suite.refine",
        "repair an edit on this machine and write the result with a report",
        '  editrefiner refine before.jpg after.jpg "Make the car red"\n'
        '  editrefiner refine before.png after.png "Remove the lamp" -o lamp --candidates 5\n\n'
        "OUT receives refined.png, mask.png (what was allowed to change), report.html, bundle.zip (for\n"
        "'editrefiner replay') and result.json. A refinement that was killed goes on where it was when the\n"
        "same command is given again.\n" + EXIT_CODES,
    )
    parser.add_argument("source", metavar="SOURCE", type=Path, help="the picture before the edit")
    parser.add_argument("edited", metavar="EDITED", type=Path, help="the picture after the edit")
    parser.add_argument("instruction", metavar="INSTRUCTION", help="what the editor was asked to do")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("refined"), help="folder to write (default: ./refined)"
    )
    _add_parameters(parser)
    _add_output(parser)


def _add_demo(commands: Commands) -> None:
    parser = _command(
        commands,
        "demo",
        "suite.demo",
        "repair the edit that ships with the suite",
        "  editrefiner demo\n  editrefiner demo -o /tmp/demo --open\n",
    )
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("out/demo"), help="folder to write (default: ./out/demo)"
    )
    _add_parameters(parser)
    _add_output(parser)


def _add_score(commands: Commands) -> None:
    parser = _command(
        commands,
        "score",
        "suite.score",
        "score an edit, or every row of a CSV file",
        '  editrefiner score before.png after.png "Make the car red"\n'
        "  editrefiner score --csv pairs.csv -o scores.csv\n\n"
        "Scores are 0 to 100, higher is better. A CSV has the columns source, edited and instruction; paths\n"
        "are relative to it. The same command given again goes on with the rows that have no scores yet.\n"
        "Exits with 1 when a row could not be scored; its column error says why.",
    )
    for name, meaning in (
        ("source", "the picture before the edit"),
        ("edited", "the picture after it"),
        ("instruction", "what the editor was asked to do"),
    ):
        parser.add_argument(name, metavar=name.upper(), nargs="?", help=meaning)
    parser.add_argument("--csv", type=Path, metavar="PAIRS", help="score every row of this file")
    parser.add_argument("-o", "--out", type=Path, metavar="SCORES", help="where the scores of --csv go")
    parser.add_argument("--url", help="a running evaluation service (default: the compact scorer, in here)")
    parser.add_argument("--json", action="store_true", help="write the scores as JSON to standard output")


def _add_serve(commands: Commands) -> None:
    parser = _command(
        commands,
        "serve",
        "suite.serve",
        "run the job API and the four agents in one process",
        "  editrefiner serve\n  editrefiner serve --host 0.0.0.0 --port 9000 --data /var/lib/editrefiner\n\n"
        "The job API is at /v1/jobs; the agents are under /perception, /reasoning, /action and /evaluation.\n"
        "SIGTERM and Ctrl-C finish what is in hand, up to 20 seconds; jobs go on at the next start.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=port, default=8100, help="port to listen on (default: 8100)")
    parser.add_argument(
        "--data", type=Path, help="folder for jobs and pictures (default: the user's data folder)"
    )


def _add_jobs(commands: Commands) -> None:
    parser = commands.add_parser(
        "jobs",
        help="talk to a running job API",
        description="Talk to a running job API, such as 'editrefiner serve'.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    def action(name: str, summary: str, examples: str) -> argparse.ArgumentParser:
        added = _command(actions, name, "suite.jobs", summary, examples)
        added.set_defaults(action=name)
        added.add_argument("--url", default=DEFAULT_URL, help=f"where the API is (default: {DEFAULT_URL})")
        added.add_argument("--json", action="store_true", help="write JSON to standard output")
        return added

    submit = action(
        "submit",
        "start a job and print its id",
        '  editrefiner jobs submit a.png b.png "Make it red"\n'
        '  editrefiner jobs submit a.png b.png "Make it red" -o refined\n',
    )
    submit.add_argument("source", metavar="SOURCE", type=Path, help="the picture before the edit")
    submit.add_argument("edited", metavar="EDITED", type=Path, help="the picture after the edit")
    submit.add_argument("instruction", metavar="INSTRUCTION", help="what the editor was asked to do")
    submit.add_argument("--wait", action="store_true", help="follow the job to its end")
    submit.add_argument(
        "-o", "--out", type=Path, help="as --wait, then write refined.png and bundle.zip here"
    )
    _add_parameters(submit)
    for name, summary in (
        ("get", "show a job"),
        ("watch", "follow a job to its end"),
        ("cancel", "stop a job"),
    ):
        one = action(name, summary, f"  editrefiner jobs {name} 06CSTWBK5Q0A3K3Z6N6Y2Y0QZV\n")
        one.add_argument("job", metavar="JOB", help="id of the job, as submit prints it")
        if name != "cancel":
            one.add_argument(
                "-o", "--out", type=Path, help="folder for refined.png and bundle.zip of a finished job"
            )
    listing = action("list", "list jobs, newest first", "  editrefiner jobs list --limit 5\n")
    listing.add_argument("--limit", type=count, default=20, help="how many (default: 20)")
    listing.add_argument("--status", help="only jobs in this state, e.g. running")


def _add_replay(commands: Commands) -> None:
    parser = _command(
        commands,
        "replay",
        "suite.replay",
        "run a bundle's steps again and compare every result",
        "  editrefiner replay refined/bundle.zip\n\nExits with 1 when a result differs.",
    )
    parser.add_argument("bundle", metavar="BUNDLE", type=Path, help="a bundle.zip")
    parser.add_argument("--json", action="store_true", help="write the comparison as JSON to standard output")


def _add_doctor(commands: Commands) -> None:
    parser = _command(
        commands,
        "doctor",
        "suite.doctor",
        "check what this machine can run",
        "  editrefiner doctor\n\nExits with 1 when something that refine or serve needs is missing.",
    )
    parser.add_argument("--json", action="store_true", help="write the findings as JSON to standard output")


def _add_parameters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it is refined")
    group.add_argument(
        "--max-iterations",
        type=parameter("max_iterations"),
        metavar="N",
        help="rounds at most, 1 to 4 (default: 4)",
    )
    group.add_argument(
        "--target-score",
        type=parameter("target_score"),
        metavar="S",
        help="stop at this overall score, up to 100",
    )
    group.add_argument(
        "--candidates",
        type=parameter("candidates"),
        metavar="N",
        help="repairs tried per round, 1 to 8 (default: 3)",
    )
    group.add_argument(
        "--seed",
        type=parameter("seed"),
        metavar="N",
        help="the same seed gives the same result (default: 0)",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what it writes to the terminal")
    group.add_argument("--json", action="store_true", help="write the result as JSON to standard output")
    group.add_argument("--quiet", action="store_true", help="write nothing but errors")
    group.add_argument("--open", action="store_true", help="open the report in a browser")


if __name__ == "__main__":
    sys.exit(main())
