"""How is one edit refined from a terminal? By a suite of its own, whose state survives a kill."""

import argparse
import asyncio
import json
import sys
import webbrowser
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from rich.console import Console

from editrefiner.contracts import Job, JobRequest, JobStatus, ProblemCode, ProblemError
from editrefiner.telemetry import configure_logging
from suite.embedded import EmbeddedSuite
from suite.following import asked_to_end, follow
from suite.inputs import job_request, request_key
from suite.outcome import Refinement
from suite.outputs import Outputs, result_document, write_outputs
from suite.progress import Display, display
from suite.settings import SuiteSettings
from suite.summary import print_summary
from suite.workspace import Workspace, open_workspace

INTERRUPTED, TERMINATED = 130, 143  # exit codes, 128 + signal


class RefinementFailedError(ProblemError):
    """The job ended without a result."""

    code: ClassVar[ProblemCode] = ProblemCode.BACKEND_FAILED


@dataclass(frozen=True, slots=True)
class Done:
    """A job that ended with a result, written down."""

    refinement: Refinement
    files: Outputs


def run(options: argparse.Namespace) -> int:
    """`editrefiner refine`."""
    request = job_request(options)
    errors = Console(stderr=True)
    with open_workspace(options.out, request_key(request)) as workspace:
        if workspace.is_resumed and not options.quiet:
            errors.print("Going on where an earlier run of this command was ended.")
        try:
            with workspace.log.open("a") as log, display(errors, quiet=options.quiet) as shown:
                configure_logging("suite", stream=log)
                end = asyncio.run(_refine(request, options, workspace, shown))
        except ProblemError as error:
            if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                workspace.remove()
            else:
                workspace.forget()
                errors.print(f"The log is in {workspace.log}.", highlight=False, soft_wrap=True)
            raise
        if end is None:
            errors.print(
                f"Ended early; give the same command again to go on. State is in {workspace.folder}."
            )
            return TERMINATED
        workspace.remove()
    if isinstance(end, Job):
        errors.print("Canceled.")
        return INTERRUPTED
    _tell(options, end)
    return 0


async def _refine(
    request: JobRequest, options: argparse.Namespace, workspace: Workspace, shown: Display
) -> Done | Job | None:
    """The job done, or the job canceled, or None when SIGTERM came first."""
    settings = SuiteSettings()
    with asked_to_end() as asked:
        async with EmbeddedSuite(workspace.state, redis_url=settings.redis_url) as suite:
            job = await suite.jobs.submit(request, key=request_key(request))
            ended = await follow(suite.jobs, job.id, shown, asked)
            if ended is None or ended.status is JobStatus.CANCELED:
                return ended
            if ended.result is None:
                reason = ended.error.detail if ended.error else f"the job ended as {ended.status}"
                raise RefinementFailedError(f"the refinement failed: {reason}")
            refinement = Refinement(
                job=ended,
                result=ended.result,
                iterations=await suite.jobs.iterations(job.id),
                pictures=suite.artifacts,
                backends=suite.backends,
            )
            bundle = await suite.jobs.bundle(job.id)
            files = await asyncio.to_thread(write_outputs, options.out, refinement, bundle)
            return Done(refinement, files)


def _tell(options: argparse.Namespace, done: Done) -> None:
    if options.json:
        json.dump(result_document(done.refinement, done.files), sys.stdout, indent=2)
        sys.stdout.write("\n")
    elif not options.quiet:
        print_summary(Console(), done.refinement, done.files.named())
    if options.open:
        webbrowser.open(done.files.report.absolute().as_uri())
