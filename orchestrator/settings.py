"""How is the orchestrator configured? Read once from the environment, for the API and the worker alike."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from editrefiner.serving import ServiceSettings

_DEFAULT_DATABASE = Path("~/.local/share/editrefiner/orchestrator.sqlite")


class Settings(ServiceSettings):
    """`ORCHESTRATOR_...`: what the services share, where the neighbours are, and how long things may take."""

    model_config = SettingsConfigDict(
        env_prefix="ORCHESTRATOR_", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    port: Annotated[int, Field(ge=0, le=65_535)] = 8100
    public_url: Annotated[str, Field(pattern=r"^https?://[^/]+$")] | None = None
    """Scheme and host under which clients reach the API; None = as the request says."""
    database_url: str = Field(default_factory=lambda: f"sqlite:///{_DEFAULT_DATABASE.expanduser()}")
    """`sqlite:///path` or `postgresql+psycopg://user@host/name`."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    """`redis://host`, `rediss://host` or `unix:///path`. It carries
    reminders only and may be lost at any time."""
    perception_url: str = "http://127.0.0.1:8101"
    reasoning_url: str = "http://127.0.0.1:8102"
    action_url: str = "http://127.0.0.1:8103"
    evaluation_url: str = "http://127.0.0.1:8104"
    max_queue: Annotated[int, Field(ge=1, le=10_000)] = 128
    """Bodies that the API takes in at a time; the next is refused with 503."""
    lease_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A step whose worker is silent for so long is taken over."""
    heartbeat_seconds: Annotated[float, Field(gt=0)] = 10.0
    """How often a worker says that it lives, and hears of a cancel."""
    crash_attempts: Annotated[int, Field(ge=1)] = 3
    """A step that loses its worker or agent this often fails its job: it would go on doing so."""
    sweep_seconds: Annotated[float, Field(gt=0)] = 2.0
    """How often every worker looks for steps that were forgotten."""
    purge_seconds: Annotated[float, Field(gt=0)] = 60.0
    """How often every worker removes expired jobs and their pictures."""
    ttl_seconds: Annotated[float, Field(gt=0)] = 7 * 86_400.0
    """How long a finished job and its pictures are kept."""
    concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    """Steps that one worker process waits for at a time."""
    drain_seconds: Annotated[float, Field(ge=0)] = 20.0
    """Time that SIGTERM leaves to requests and steps in hand; a step that needs longer is given back."""

    @model_validator(mode="after")
    def _a_heartbeat_comes_well_before_the_lease_ends(self) -> Self:
        if self.heartbeat_seconds > self.lease_seconds / 2:
            raise ValueError(
                f"heartbeat_seconds is {self.heartbeat_seconds}, lease_seconds {self.lease_seconds}: "
                "a heartbeat must fit into the lease twice, or one that is late loses the step"
            )
        return self

    def agent_urls(self) -> dict[str, str]:
        """Base URL by agent name."""
        return {
            "perception": self.perception_url,
            "reasoning": self.reasoning_url,
            "action": self.action_url,
            "evaluation": self.evaluation_url,
        }
