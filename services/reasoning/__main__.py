"""`python -m services.reasoning` serves the reasoning agent."""

from editrefiner.serving import run_service
from services.reasoning.app import create_app
from services.reasoning.settings import Settings

if __name__ == "__main__":
    run_service(create_app, Settings())
