"""The packaged broker: reachable, private, and gone when its owner is gone."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from suite.broker import running_broker

pytestmark = pytest.mark.process

OWNER = """
import asyncio, sys
from pathlib import Path
from suite.broker import running_broker

async def main():
    async with running_broker(Path(sys.argv[1])) as socket:
        print(socket, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def ping(socket: Path) -> bool:
    with redis.Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0)) as client:
        return bool(client.ping())


def wait_until_gone(socket: Path) -> None:
    for _ in range(200):
        try:
            ping(socket)
        except redis.ConnectionError:
            return
        time.sleep(0.05)
    pytest.fail("the broker outlived its owner by 10 s")


async def test_the_broker_answers_on_its_socket_and_is_gone_after(tmp_path):
    async with running_broker(tmp_path / "broker") as socket:
        assert ping(socket)

    with pytest.raises(redis.ConnectionError):
        ping(socket)


async def test_nobody_else_may_enter_the_folder_of_the_socket(tmp_path):
    async with running_broker(tmp_path / "b") as socket:
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


async def test_a_folder_with_a_long_path_works_too(tmp_path):
    async with running_broker(tmp_path / ("long" * 30)) as socket:
        assert ping(socket)

    assert not socket.parent.exists()


async def test_a_stale_socket_file_is_no_obstacle(tmp_path):
    async with running_broker(tmp_path) as first:
        pass
    first.touch()
    async with running_broker(tmp_path) as socket:
        assert ping(socket)


def test_the_broker_dies_with_its_owner_even_by_sigkill(tmp_path):
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    socket = Path(owner.stdout.readline().strip())
    assert ping(socket)

    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()

    wait_until_gone(socket)
