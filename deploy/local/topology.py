"""Which processes make up the suite on one machine, and how they know each other."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.processes import ManagedProcess, answers
from deploy.local.servers import PostgresServer, free_port, valkey

AGENTS = ("perception", "reasoning", "action", "evaluation")


class Topology:
    """PostgreSQL (or SQLite), Valkey, one API, some workers and the four agents, all on loopback.

    Every process is a `ManagedProcess` in `processes`, by name; `environment` is what all of them get beside
    the settings that connect them, so that a test can shorten leases or arm a failpoint; `agent_command`
    gives the Python arguments that start an agent.
    """

    def __init__(
        self,
        directory: Path,
        *,
        workers: int = 2,
        database: str = "postgresql",
        environment: dict[str, str] | None = None,
        agent_command: Callable[[str], list[str]] = lambda agent: ["-m", f"services.{agent}"],
    ) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in ("api", "redis", "postgresql", *AGENTS)}
        self.database_url = f"sqlite:///{directory / 'orchestrator.sqlite'}"
        self.processes: dict[str, ManagedProcess] = {}
        if database == "postgresql":
            server = PostgresServer(
                directory / "postgresql", port=self.ports["postgresql"], environment=_inherited()
            )
            self.database_url = server.url
            self.processes["postgresql"] = server
        self.environment = {**self._settings(), **(environment or {})}
        self.processes["redis"] = self._redis()
        for agent in AGENTS:
            self._add(agent, agent_command(agent), self.ports[agent])
        self._add("api", ["-m", "orchestrator", "api"], self.ports["api"])
        for number in range(workers):
            self._add(f"worker-{number}", ["-m", "orchestrator", "worker"], None)

    @property
    def api_url(self) -> str:
        """Where the job API answers."""
        return f"http://127.0.0.1:{self.ports['api']}"

    def agent_url(self, agent: str) -> str:
        """Where an agent answers."""
        return f"http://127.0.0.1:{self.ports[agent]}"

    def start(self) -> None:
        """Start everything and wait until all of it serves."""
        for process in self.processes.values():
            process.start()
        for process in self.processes.values():
            process.wait_ready()

    def stop(self) -> dict[str, int]:
        """SIGTERM everything, front to back; returns exit statuses by name."""
        return {name: process.terminate() for name, process in reversed(self.processes.items())}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _settings(self) -> dict[str, str]:
        artifacts = str(self.directory / "artifacts")
        settings = {
            "ORCHESTRATOR_PORT": str(self.ports["api"]),
            "ORCHESTRATOR_ARTIFACTS": artifacts,
            "ORCHESTRATOR_DATABASE_URL": self.database_url,
            "ORCHESTRATOR_REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
        }
        for agent in AGENTS:
            settings[f"ORCHESTRATOR_{agent.upper()}_URL"] = self.agent_url(agent)
            settings[f"{agent.upper()}_PORT"] = str(self.ports[agent])
            settings[f"{agent.upper()}_ARTIFACTS"] = artifacts
        return {**_inherited(), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", **settings}

    def _redis(self) -> ManagedProcess:
        return valkey(self.directory / "redis", port=self.ports["redis"], environment=self.environment)

    def _add(self, name: str, arguments: list[str], port: int | None) -> None:
        log = self.directory / f"{name}.log"
        self.processes[name] = ManagedProcess(
            name,
            [sys.executable, *arguments],
            environment=self.environment,
            log=log,
            # a worker has no port; it says so in its log when it takes work
            is_ready=(lambda: "worker ready" in log.read_text())
            if port is None
            else (lambda: answers(f"http://127.0.0.1:{port}/readyz")),
        )


def _inherited() -> dict[str, str]:
    """What a service manager would pass on."""
    return {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}  # noqa: TID251
