"""How is the action service configured? `ACTION_...` variables."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from editrefiner.serving import ServiceSettings


class Settings(ServiceSettings):
    """What all services share, on this service's port."""

    model_config = SettingsConfigDict(
        env_prefix="ACTION_", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    port: Annotated[int, Field(ge=0, le=65_535)] = 8103
