"""The scripted agent as a process: `python scripted_process.py DIRECTORY PORT DRAIN_SECONDS`.

Its runs let go when the file DIRECTORY/finish exists, and DIRECTORY/started has a line for each.
"""

import sys
import threading
from pathlib import Path

from editrefiner.contracts import ScoreAnswer, ScoreRequest
from editrefiner.serving import Run, ServiceSettings, run_service
from tests.serving.scripted import ScriptedAgent, scripted_app


class ObservedAgent(ScriptedAgent):
    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        pause = threading.Event()
        while not (self._directory / "finish").exists():
            pause.wait(0.01)
        self.finish.set()

    def score(self, request: ScoreRequest, run: Run) -> ScoreAnswer:
        with (self._directory / "started").open("a") as lines:
            lines.write(f"{request.instruction}\n")
        return super().score(request, run)


def main() -> None:
    directory, port, drain_seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    settings = ServiceSettings(port=port, drain_seconds=drain_seconds)
    run_service(lambda _: scripted_app(directory, ObservedAgent(directory)), settings)


if __name__ == "__main__":
    main()
