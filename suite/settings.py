"""What may the environment say to the suite in one process? Each agent and the job API read more of it."""

from pathlib import Path
from typing import Annotated

from platformdirs import user_data_path
from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SuiteSettings(BaseSettings):
    """`REDIS_URL` and `EDITREFINER_DATA`."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    redis_url: Annotated[str | None, Field(validation_alias=AliasChoices("redis_url", "REDIS_URL"))] = None
    """A Redis or Valkey server to use; None = a private one is started."""
    data: Annotated[Path, Field(validation_alias=AliasChoices("data", "EDITREFINER_DATA"))] = Field(
        default_factory=lambda: user_data_path("editrefiner") / "suite"
    )
    """Jobs and pictures of `editrefiner serve`."""
