"""How is a service configured? What every service has in common, read once from its environment."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from editrefiner.contracts import ImageLimits, Limits

_DEFAULT_ARTIFACTS = Path("~/.local/share/editrefiner/artifacts")
_PICTURES_PER_BODY = 4  # source and edited, each as base64 (4/3 of its bytes), and room for masks and text
_BODY_OVERHEAD_BYTES = 2**20


class ServiceSettings(BaseSettings):
    """Subclassed by each service with its prefix (`PERCEPTION_PORT=...`) and its default port."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8100
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_json: bool = True
    artifacts: str = Field(default_factory=lambda: _DEFAULT_ARTIFACTS.expanduser().as_uri())
    """Where pictures and stored results live: `file:///directory`, a plain path, or `s3://bucket/prefix`."""
    max_queue: Annotated[int, Field(ge=0, le=10_000)] = 8
    """Runs that may wait behind the one that runs; the next is refused with 503."""
    drain_seconds: Annotated[float, Field(ge=0)] = 120.0
    """Time that SIGTERM leaves to accepted runs."""
    backend: str = "compact"
    threads: Annotated[int, Field(ge=1)] = 1
    """Threads that one run may compute on."""
    image_max_bytes: Annotated[int, Field(gt=0)] = ImageLimits().max_bytes
    image_max_pixels: Annotated[int, Field(gt=0)] = ImageLimits().max_pixels
    image_max_side: Annotated[int, Field(gt=0)] = ImageLimits().max_side
    image_max_ratio: Annotated[float, Field(ge=1)] = ImageLimits().max_ratio

    def image_limits(self) -> ImageLimits:
        """What the store accepts as a picture."""
        return ImageLimits(
            max_bytes=self.image_max_bytes,
            max_pixels=self.image_max_pixels,
            max_side=self.image_max_side,
            max_ratio=self.image_max_ratio,
        )

    def limits(self) -> Limits:
        """What `GET /v1/info` says about limits."""
        return Limits(
            max_image_bytes=self.image_max_bytes,
            max_image_pixels=self.image_max_pixels,
            max_image_side=self.image_max_side,
            max_queue=self.max_queue,
            max_image_ratio=self.image_max_ratio,
        )

    @property
    def max_body_bytes(self) -> int:
        """Longest request body that is read."""
        return self.image_max_bytes * _PICTURES_PER_BODY * 4 // 3 + _BODY_OVERHEAD_BYTES
