"""Does a bundle's refinement come out the same again? Every step runs anew and is compared to the bit."""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.client import AgentClient, ClientError
from editrefiner.contracts import JobStatus, canonical_json
from orchestrator.bundle import Bundle, BundleStep, read_bundle
from orchestrator.execution import VERBS, connect_agents
from orchestrator.jobs import CommittedStep, Finish, JobInputs, NewStep, StepAnswerError
from orchestrator.loop import next_step
from suite.agents import Agents, running_agents
from suite.inputs import InputError
from suite.silence import silenced

SHOWN = 3  # differences of one step that are written out


@dataclass(frozen=True, slots=True)
class Replayed:
    """One step of the bundle, run again."""

    seq: int
    name: str
    differences: tuple[str, ...]
    backend_differs: bool
    """Whether another backend computed the bundle's answer: then the two need not be equal."""


@silenced(logging.WARNING)  # the comparison tells what went wrong
def run(options: argparse.Namespace) -> int:
    """`editrefiner replay`: 0 when all is the same, 1 when something differs."""
    bundle = _read(options.bundle)
    with tempfile.TemporaryDirectory(prefix="editrefiner-replay-") as folder:
        artifacts = open_store(folder)
        for picture in bundle.pictures.values():
            artifacts.put_bytes(picture)
        replayed = [*asyncio.run(_replay(bundle, artifacts)), _decisions(bundle)]
    if options.json:
        json.dump([asdict(step) for step in replayed], sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _tell(Console(highlight=False, soft_wrap=True), replayed)
    return int(any(step.differences for step in replayed))


def _read(path: Path) -> Bundle:
    try:
        with path.open("rb") as file:
            return read_bundle(file)
    except OSError as exc:
        raise InputError(f"BUNDLE: {path} cannot be read: {exc.strerror}.") from exc


async def _replay(bundle: Bundle, artifacts: ArtifactStore) -> list[Replayed]:
    async with running_agents(artifacts) as agents:
        clients = connect_agents(agents.http, agents.urls)
        return [await _run_again(step, clients, agents) for step in bundle.manifest.steps]


async def _run_again(step: BundleStep, clients: Mapping[str, AgentClient], agents: Agents) -> Replayed:
    path, answer = VERBS[step.kind]
    agent = step.kind.agent
    backend = agents.backends[agent]
    try:
        answered = await clients[agent].call(path, step.request, answer)
        differences = tuple(compare(step.result, answered.value.model_dump(mode="json")))
    except ClientError as error:
        differences = (f"the {agent} agent refuses it: {error.detail}",)
    is_other = backend.digest != step.backend_digest
    if is_other:
        here = f"backend: {step.backend_digest[:12]} in the bundle, {backend.digest[:12]} here"
        differences = (here, *differences)
    where = f"round {step.iteration}" if step.iteration else "as given"
    return Replayed(step.seq, f"{where}, {step.kind}", differences, is_other)


def _decisions(bundle: Bundle) -> Replayed:
    """Whether the loop, given the bundle's answers, asks the same questions and comes to the same end."""
    return Replayed(len(bundle.manifest.steps), "decisions of the loop", tuple(_loop(bundle)), False)


def _loop(bundle: Bundle) -> Iterator[str]:
    try:
        yield from _decided_again(bundle)
    except StepAnswerError as error:
        yield f"the loop cannot go on from here: {error.detail}"


def _decided_again(bundle: Bundle) -> Iterator[str]:
    manifest = bundle.manifest
    given = manifest.inputs
    inputs = JobInputs(given.source, given.edited, given.edited_alpha, given.instruction, given.parameters)
    done: list[CommittedStep] = []
    for step in manifest.steps:
        asked = next_step(inputs, done)
        if not isinstance(asked, NewStep) or asked.kind is not step.kind:
            yield f"step {step.seq}: {step.kind} in the bundle, {_name(asked)} here"
            return
        yield from (f"step {step.seq}, request {line}" for line in compare(step.request, asked.request))
        committed = CommittedStep(
            step.seq, step.kind, step.iteration, step.request, step.result, step.run_seconds
        )
        done.append(committed)
    end = next_step(inputs, done)
    if manifest.job.status is JobStatus.SUCCEEDED:
        if not isinstance(end, Finish) or end.result is None or manifest.job.result is None:
            yield f"end: the job in the bundle succeeded, here comes {_name(end)}"
            return
        was, now = manifest.job.result.model_dump(mode="json"), end.result.model_dump(mode="json")
        yield from (f"result {line}" for line in compare(was, now))


def compare(was: Any, now: Any, where: str = "") -> Iterator[str]:  # Any: JSON values
    """Each place where two JSON documents differ, with both values."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from compare(was.get(key), now.get(key), f"{where}.{key}" if where else key)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for index, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from compare(one, other, f"{where}[{index}]")
    elif canonical_json(was) != canonical_json(now):
        yield f"{where or 'answer'}: {_short(was)} in the bundle, {_short(now)} here"


def _short(value: Any) -> str:  # Any: a JSON value
    text = canonical_json(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def _name(step: NewStep | Finish) -> str:
    return str(step.kind) if isinstance(step, NewStep) else f"the end ({step.stop_reason})"


def _tell(console: Console, replayed: list[Replayed]) -> None:
    for step in replayed:
        verdict = "[red]differs[/]" if step.differences else "[green]same[/]"
        console.print(f"{step.seq:>3}  {step.name:<24} {verdict}")
        for line in step.differences[:SHOWN]:
            console.print(f"       {escape(line)}")
        if len(step.differences) > SHOWN:
            console.print(f"       and {len(step.differences) - SHOWN} more")
    different = sum(bool(step.differences) for step in replayed)
    if not different:
        console.print(f"All {len(replayed)} results are the same, bit by bit.")
        return
    console.print(f"{different} of {len(replayed)} results differ.")
    if any(step.backend_differs for step in replayed):
        console.print("Other backends computed this bundle: equal results are not to be expected.")
