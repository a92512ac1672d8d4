"""`python -m orchestrator api|worker|migrate`: which process of the orchestrator is this?"""

import argparse

from editrefiner.serving import run_service
from orchestrator.app import create_app
from orchestrator.settings import Settings
from orchestrator.store import migrate
from orchestrator.worker.process import run_worker


def main() -> None:
    """Run the process that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator", description="The orchestrator's processes."
    )
    parser.add_argument(
        "process",
        choices=("api", "worker", "migrate"),
        help="api: answer HTTP; worker: run steps; migrate: bring the database up and end",
    )
    settings = Settings()
    match parser.parse_args().process:
        case "api":
            run_service(create_app, settings)
        case "worker":
            run_worker(settings)
        case _:
            migrate(settings.database_url)


if __name__ == "__main__":
    main()
