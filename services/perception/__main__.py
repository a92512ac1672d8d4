"""`python -m services.perception` serves the perception agent."""

from editrefiner.serving import run_service
from services.perception.app import create_app
from services.perception.settings import Settings

if __name__ == "__main__":
    run_service(create_app, Settings())
