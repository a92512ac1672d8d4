"""How is a running job API used from a terminal? Submit, get, watch, cancel and list."""

import argparse
import asyncio
import io
import json
import sys
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape

from editrefiner.client import JobsClient
from editrefiner.contracts import Job, JobStatus
from orchestrator.bundle import read_bundle
from suite.inputs import InputError, checked_url, job_request
from suite.progress import Display, display
from suite.wording import STOP_SENTENCES, headline

RETRIES = 3  # of a busy API, after the time that it names
CONNECT_SECONDS = 5.0


def run(options: argparse.Namespace) -> int:
    """`editrefiner jobs ...`."""
    return asyncio.run(_run(options))


async def _run(options: argparse.Namespace) -> int:
    timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
    url = checked_url(options.url, "a job API", "http://127.0.0.1:8100")
    async with httpx.AsyncClient(timeout=timeout) as http:
        jobs = JobsClient(http, url, retries=RETRIES)
        with display(Console(stderr=True), quiet=options.json) as shown:
            ended = await _act(jobs, options, shown)
        if options.action == "submit" and isinstance(ended, Job) and not (_waits(options) or options.json):
            sys.stdout.write(f"{ended.id}\n")
        else:
            _tell(ended, as_json=options.json)
        if isinstance(ended, Job) and getattr(options, "out", None) is not None:
            bundle = await jobs.bundle(ended.id)
            await asyncio.to_thread(_write, bundle, options.out)
    failed = {JobStatus.FAILED, JobStatus.EXPIRED}
    return int(isinstance(ended, Job) and ended.status in failed and options.action != "get")


def _waits(options: argparse.Namespace) -> bool:
    """Whether a submission is followed to its end: files can only be fetched then."""
    return options.wait or options.out is not None


async def _act(jobs: JobsClient, options: argparse.Namespace, shown: Display) -> Job | list[Job]:
    match options.action:
        case "submit":
            job = await jobs.submit(job_request(options))
            return await _watch(jobs, job.id, shown) if _waits(options) else job
        case "get":
            return await jobs.get(options.job)
        case "watch":
            return await _watch(jobs, options.job, shown)
        case "cancel":
            return await jobs.cancel(options.job)
        case _:
            return await _list(jobs, options)


async def _watch(jobs: JobsClient, job_id: str, shown: Display) -> Job:
    await jobs.get(job_id)  # an API that is not there is an error now; one that goes away later is waited for
    async for event in jobs.events(job_id):
        shown.take(event)
    return await jobs.wait(job_id)


async def _list(jobs: JobsClient, options: argparse.Namespace) -> list[Job]:
    found: list[Job] = []
    cursor: str | None = None
    while len(found) < options.limit:
        left = min(options.limit - len(found), 100)
        page = await jobs.page(status=_status(options.status), limit=left, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _write(bundle: bytes, out: Path) -> None:
    """The bundle of a finished job, and the picture in it."""
    picture = read_bundle(io.BytesIO(bundle)).result_png
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "bundle.zip").write_bytes(bundle)
        if picture is not None:
            (out / "refined.png").write_bytes(picture)
    except OSError as exc:
        raise InputError(f"{out} cannot be written to: {exc.strerror}.") from exc


def _status(text: str | None) -> JobStatus | None:
    if text is None:
        return None
    try:
        return JobStatus(text)
    except ValueError as exc:
        raise InputError(f"{text!r} is no status; there are {', '.join(JobStatus)}.") from exc


def _tell(ended: Job | list[Job], *, as_json: bool) -> None:
    if as_json:
        document: Any = (  # Any: a JSON document
            ended.model_dump(mode="json")
            if isinstance(ended, Job)
            else [job.model_dump(mode="json") for job in ended]
        )
        json.dump(document, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    for job in [ended] if isinstance(ended, Job) else ended:
        console.print(f"{job.id}  {job.status:<10} {_outcome(job)}")


def _outcome(job: Job) -> str:
    """The rest of the line about a job."""
    if job.error is not None:
        return escape(job.error.detail)
    if job.result is not None:
        return f"{headline(job.result)}. {STOP_SENTENCES[job.result.stop_reason]}"
    phase = f"{job.progress.phase}, " if job.progress.phase else ""
    return f"{phase}round {job.progress.iteration} of at most {job.progress.max_iterations}"
