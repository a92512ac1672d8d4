"""Does each agent work here? Each is loaded and does one run; what it says of itself is a finding."""

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.client import AgentClient
from suite.agents import AGENTS, base_url, create_agent
from suite.machine import Finding, State


async def tried_agents(folder: Path) -> Iterator[Finding]:
    """A finding for each agent, and one about backends that need a GPU."""
    artifacts = open_store(str(folder / "artifacts"))
    findings = [await _tried(name, artifacts) for name in AGENTS]
    return iter([*findings, _gpu()])


async def _tried(name: str, artifacts: ArtifactStore) -> Finding:
    started = time.perf_counter()
    try:
        app = create_agent(name, artifacts)
        async with app.router.lifespan_context(app):
            health = await app.state.lifecycle.wait_started()
            if health.state == "failed":
                return Finding(name, State.FAILED, health.detail)
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
                backend = (await AgentClient(http, base_url(name)).info()).backend
    except Exception as error:  # noqa: BLE001 — whatever is broken here is a finding
        return Finding(name, State.FAILED, f"{type(error).__name__}: {error}")
    seconds = time.perf_counter() - started
    trust = ", provisional: not calibrated on human ratings" if backend.provisional else ""
    detail = (
        f"backend {backend.name} {backend.version} ({backend.digest[:12]}) ready in {seconds:.1f} s{trust}"
    )
    return Finding(name, State.OK, detail)


def _gpu() -> Finding:
    """The compact backends need none, and this version has no others."""
    torch = "PyTorch is installed" if importlib.util.find_spec("torch") else "PyTorch is not installed"
    return Finding(
        "gpu", State.OK, f"not needed: every agent has a compact CPU backend ({torch}, and not used)"
    )
