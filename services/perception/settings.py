"""How is the perception service configured? `PERCEPTION_...` variables."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from editrefiner.serving import Batching, ServiceSettings


class Settings(ServiceSettings):
    """What all services share, on this service's port."""

    model_config = SettingsConfigDict(
        env_prefix="PERCEPTION_", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    port: Annotated[int, Field(ge=0, le=65_535)] = 8101
    max_batch: Annotated[int, Field(ge=1, le=64)] = 1
    """Edits that are looked at together; a CPU gains nothing by more than one, a GPU does."""
    batch_wait_ms: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """How long the first edit waits for others; those that queued meanwhile come along anyway."""

    def batching(self) -> Batching:
        """How edits share the lane."""
        return Batching(max_batch=self.max_batch, wait_seconds=self.batch_wait_ms / 1000)
