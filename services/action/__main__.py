"""`python -m services.action` serves the action agent."""

from editrefiner.serving import run_service
from services.action.app import create_app
from services.action.settings import Settings

if __name__ == "__main__":
    run_service(create_app, Settings())
