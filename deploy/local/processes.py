"""How one process of the topology is started, watched, paused, killed and started again."""

import ctypes
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>: the kernel signals the child when its parent dies


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def answers(url: str) -> bool:
    """Whether a GET of `url` is answered with 200 within a second."""
    try:
        with urllib.request.urlopen(url, timeout=1.0) as response:  # noqa: S310 — loopback, made here
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


class ManagedProcess:
    """A child process that can be killed at any time and started again; its output goes to a log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        is_ready: Callable[[], bool],
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment)
        self.log = log
        self.is_ready = is_ready
        self._user = user
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it dies with this one."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                user=self._user,
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self) -> int | None:
        """Its process id; None when it is not alive."""
        return self._process.pid if self._process is not None and self.is_alive else None

    @property
    def is_alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def wait_ready(self, timeout_seconds: float = 60.0) -> None:
        """Wait until it serves; raises with the end of its log when it died or took too long."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if not self.is_alive:
                raise RuntimeError(f"{self.name} ended while starting:\n{self.tail()}")
            if self.is_ready():
                return
            time.sleep(0.05)
        raise TimeoutError(f"{self.name} was not ready after {timeout_seconds:.0f} s:\n{self.tail()}")

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to the process and whatever it started."""
        if self._process is not None and self.is_alive:
            os.killpg(self._process.pid, signum)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def terminate(self, timeout_seconds: float = 60.0) -> int:
        """Ask it to stop, wait, and return the exit status; SIGKILL when it takes too long."""
        if self._process is None:
            return 0
        if self.is_alive:
            self._process.send_signal(self._stop_signal)
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def tail(self, lines: int = 30) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
