"""Run the suite as processes until interrupted: `python -m deploy.local [DIRECTORY]`."""

import signal
import sys
import tempfile
from pathlib import Path

from deploy.local.topology import Topology


def main() -> None:
    """Start, print where things are, wait for SIGINT or SIGTERM, stop."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="editrefiner-"))
    topology = Topology(directory)
    print(f"starting {len(topology.processes)} processes under {directory} ...", flush=True)
    with topology:
        print(f"job API   {topology.api_url}/v1/jobs   documentation {topology.api_url}/docs")
        for name, process in topology.processes.items():
            print(f"  {name:12} log {process.log}")
        print("Ctrl-C stops everything", flush=True)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stopping ...", flush=True)


if __name__ == "__main__":
    main()
