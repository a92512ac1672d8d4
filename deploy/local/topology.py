"""Which processes make up the suite on one machine, and how they know each other."""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local.processes import ManagedProcess, answers
from deploy.local.servers import PostgresServer, free_port, valkey

AGENTS = ("perception", "reasoning", "action", "evaluation")


class Topology:
    """PostgreSQL (or SQLite), Valkey, one API, some workers and the four agents, all on loopback.

    Every process is a `ManagedProcess` in `processes`, by name; `environment` is what all of them get beside
    the settings that connect them, so that a test can shorten leases or arm a failpoint.
    """

    def __init__(
        self,
        directory: Path,
        *,
        workers: int = 2,
        database: str = "postgresql",
        environment: dict[str, str] | None = None,
    ) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in ("api", "redis", *AGENTS)}
        self.postgres = PostgresServer(directory / "postgresql") if database == "postgresql" else None
        self.database_url = (
            self.postgres.url if self.postgres else f"sqlite:///{directory / 'orchestrator.sqlite'}"
        )
        self.environment = {**self._settings(), **(environment or {})}
        self.processes: dict[str, ManagedProcess] = {"redis": self._redis()}
        for agent in AGENTS:
            self._add(agent, ["-m", f"services.{agent}"], self.ports[agent])
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
        statuses = {name: process.terminate() for name, process in reversed(self.processes.items())}
        if self.postgres:
            self.postgres.terminate()
        return statuses

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
        inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}  # noqa: TID251 — what a service manager would pass on
        return {**inherited, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", **settings}

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
