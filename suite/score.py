"""How are edits scored from a terminal? One as a table, or a CSV of many that survives a kill."""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.client import EvaluationClient, ServiceUnavailableError, ServiceUnreachableError
from editrefiner.contracts import (
    DIMENSIONS,
    BackendInfo,
    ImageInput,
    ImageRef,
    ProblemError,
    ScoreAnswer,
    ScoreRequest,
)
from suite.agents import base_url, create_agent, require_loaded
from suite.inputs import InputError, checked_url, picture_uri, refusal
from suite.lock import exclusive_file
from suite.scoretable import Row, ScoreTable, read_pairs, row_key

RETRIES = 8  # of a busy service, after the time that it names
NAME = "evaluation"


@dataclass(frozen=True, slots=True)
class Judge:
    """Who scores, and how to ask."""

    client: EvaluationClient
    backend: BackendInfo
    store: ArtifactStore | None = None
    """Where pictures are put and removed again; None = they are sent."""

    async def score(self, source: str, edited: str, instruction: str) -> ScoreAnswer:
        """Scores of one edit, its pictures as `data:` URIs."""
        if self.store is None:
            return await self._asked(source, edited, instruction)
        stored: list[ImageRef] = []
        try:
            for picture, name in ((source, "source"), (edited, "edited")):
                stored.append(await asyncio.to_thread(self.store.resolve, picture, name=name))
            before, after = stored
            return await self._asked(before, after, instruction)
        finally:
            for ref in stored:
                await asyncio.to_thread(self.store.delete, ref.sha256)

    async def _asked(self, source: ImageInput, edited: ImageInput, instruction: str) -> ScoreAnswer:
        try:
            request = ScoreRequest(source=source, edited=edited, instruction=instruction)
        except ValidationError as error:
            raise refusal(error) from error
        return (await self.client.score(request)).value


def run(options: argparse.Namespace) -> int:
    """`editrefiner score`."""
    one = [options.source, options.edited, options.instruction]
    if options.csv is not None:
        if any(value is not None for value in one):
            raise InputError("--csv names the pictures; leave SOURCE, EDITED and INSTRUCTION out.")
        if options.out is None:
            raise InputError("--csv needs -o: the file that the scores go to.")
        with exclusive_file(options.out):
            return asyncio.run(_score_table(options))
    if any(value is None for value in one):
        raise InputError("name SOURCE, EDITED and INSTRUCTION, or --csv and -o.")
    if options.out is not None:
        raise InputError("-o goes with --csv; the scores of one edit are written to standard output.")
    if not options.instruction.strip():
        raise InputError("INSTRUCTION is empty; say what the editor was asked to do.")
    return asyncio.run(_score_one(options))


async def _score_one(options: argparse.Namespace) -> int:
    source, edited = (
        picture_uri(Path(options.source), "SOURCE"),
        picture_uri(Path(options.edited), "EDITED"),
    )
    async with _judge(options.url) as judge:
        answer = await judge.score(source, edited, options.instruction)
    if options.json:
        json.dump(answer.model_dump(mode="json"), sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _print(answer)
    return 0


async def _score_table(options: argparse.Namespace) -> int:
    """Rows one after the other: a kill costs the row in hand."""
    pairs = await asyncio.to_thread(read_pairs, options.csv)
    async with _judge(options.url) as judge:
        with (
            ScoreTable(options.out, judge.backend.digest) as table,
            _progress(quiet=options.json) as progress,
        ):
            task = progress.add_task("scoring", total=len(pairs))
            for pair in pairs:
                await _score_row(judge, table, pair)
                progress.advance(task)
            table.finish(pairs)
            failed, scored = table.failed, table.scored
    if options.json:
        json.dump({"scored": scored, "failed": failed, "out": str(options.out)}, sys.stdout)
        sys.stdout.write("\n")
    elif failed:
        sys.stderr.write(f"editrefiner: {failed} of {len(pairs)} rows have no scores; see their error.\n")
    return int(failed > 0)


async def _score_row(judge: Judge, table: ScoreTable, pair: Row) -> None:
    key = ""
    try:
        source, edited = (
            await asyncio.to_thread(picture_uri, pair.source_path, "source"),
            await asyncio.to_thread(picture_uri, pair.edited_path, "edited"),
        )
        if not pair.instruction.strip():
            raise InputError("instruction is empty.")
        key = row_key(source, edited, pair.instruction)
        if table.has(pair, key):
            return
        answer = await judge.score(source, edited, pair.instruction)
    except ProblemError as error:
        if isinstance(error, ServiceUnavailableError | ServiceUnreachableError):  # not this row's fault
            raise
        await asyncio.to_thread(table.append, pair, key, error)
    else:
        await asyncio.to_thread(table.append, pair, key, answer.scores)


@asynccontextmanager
async def _judge(url: str | None) -> AsyncIterator[Judge]:
    """The service at an address, or one of our own that lives as long as this."""
    if url is not None:
        checked_url(url, "an evaluation service", "http://127.0.0.1:8104")
        async with httpx.AsyncClient() as http:
            client = EvaluationClient(http, url, retries=RETRIES)
            yield Judge(client, (await client.info()).backend)
        return
    with TemporaryDirectory(prefix="editrefiner-score-") as folder:
        store = open_store(folder)
        app = create_agent(NAME, store)
        async with app.router.lifespan_context(app):
            await require_loaded(NAME, app)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, timeout=None) as http:  # noqa: S113 — no network
                client = EvaluationClient(http, base_url(NAME))
                yield Judge(client, (await client.info()).backend, store)


def _progress(*, quiet: bool) -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=quiet or not console.is_terminal)


def _print(answer: ScoreAnswer) -> None:
    scores = answer.scores
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("score", justify="right")
    table.add_column(f"{scores.intervals.coverage:.0%} interval", justify="right")
    for name in DIMENSIONS:
        low, high = getattr(scores.intervals, name)
        table.add_row(name.replace("_", " "), f"{getattr(scores, name):.1f}", f"{low:.1f} to {high:.1f}")
    table.add_row("overall", f"{scores.overall:.1f}", "")
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    console.print(f"Two edits of one source differ from {scores.decision_margin:g} points of overall on.")
    provisional = ", provisional" if answer.backend.provisional else ""
    console.print(f"Scored by {answer.backend.name} {answer.backend.version}{provisional}.")
