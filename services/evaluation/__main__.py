"""Run the evaluation service: `python -m services.evaluation`."""

from editrefiner.serving import run_service
from services.evaluation.app import create_app
from services.evaluation.settings import Settings

if __name__ == "__main__":
    run_service(create_app, Settings())
