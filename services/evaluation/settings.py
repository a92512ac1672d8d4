"""How is the evaluation service configured? `EVALUATION_...` variables."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from editrefiner.serving import ServiceSettings


class Settings(ServiceSettings):
    """What all services share, on this service's port."""

    model_config = SettingsConfigDict(
        env_prefix="EVALUATION_", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    port: Annotated[int, Field(ge=0, le=65_535)] = 8104
