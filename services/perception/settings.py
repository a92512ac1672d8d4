"""How is the perception service configured? `PERCEPTION_...` variables."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from editrefiner.contracts import UnitInterval
from editrefiner.serving import Batching, ServiceSettings


class Settings(ServiceSettings):
    """What all services share, on this service's port."""

    model_config = SettingsConfigDict(
        env_prefix="PERCEPTION_", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    port: Annotated[int, Field(ge=0, le=65_535)] = 8101
    qwen3vl_base: Path = Path("weights/base")
    """Directory of Qwen3-VL-8B-Instruct; the path inside an adapter is its author's and is not used."""
    qwen3vl_artifact: Path = Path("weights/artifact")
    """Directory of adapter, decoder and processor files, or of a merged model with its decoder."""
    qwen3vl_failure: Path = Path("weights/failure")
    qwen3vl_positions: Literal["mrope", "linear"] = "mrope"
    """How picture tokens are numbered: by time, row and column, or on like words."""
    qwen3vl_layer: Annotated[int, Field(ge=1)] = 26
    """The layer of the language model that the decoder reads."""
    qwen3vl_min_max: bool = False
    """Whether each map is stretched to 0..1, as the published code does."""
    qwen3vl_artifact_threshold: UnitInterval = 0.5
    qwen3vl_failure_threshold: UnitInterval = 0.5
    qwen3vl_device: str = "auto"
    """A name that torch knows, or `auto`: a GPU where there is one."""
    qwen3vl_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto` is bfloat16 on a GPU and float32 on a CPU."""
    max_batch: Annotated[int, Field(ge=1, le=64)] = 1
    """Edits that are looked at together; a CPU gains nothing by more than one, a GPU does."""
    batch_wait_ms: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """How long the first edit waits for others; those that queued meanwhile come along anyway."""

    def batching(self) -> Batching:
        """How edits share the lane."""
        return Batching(max_batch=self.max_batch, wait_seconds=self.batch_wait_ms / 1000)
