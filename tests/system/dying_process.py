"""A process that dies at one failpoint after the other: `dying_process.py api|worker NAME...`.

Each life is a fork of this process, armed through the environment; the next begins when it has died, and the
last is not armed. Forks spare the seconds that importing takes.
"""

import os
import signal
import sys
from types import FrameType

from editrefiner.serving import run_service
from orchestrator.app import create_app
from orchestrator.settings import Settings
from orchestrator.worker.process import run_worker


def live(process: str, failpoint: str | None) -> None:
    """Be that process until its end."""
    if failpoint is not None:
        os.environ["ORCHESTRATOR_FAILPOINT"] = failpoint  # noqa: TID251 -- settings are read from it below
    if process == "api":
        run_service(create_app, Settings())
    else:
        run_worker(Settings())


def main() -> None:
    """Fork, wait, tell, and fork again."""
    process, *failpoints = sys.argv[1:]
    for failpoint in (*failpoints, None):
        child = os.fork()
        if child == 0:
            live(process, failpoint)
            os._exit(0)

        def pass_on(number: int, _: FrameType | None, child: int = child) -> None:
            os.kill(child, number)

        signal.signal(signal.SIGTERM, pass_on)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(f"left {failpoint} with {status}", flush=True)


if __name__ == "__main__":
    main()
