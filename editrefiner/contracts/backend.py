"""Who computed an answer: the backend, its weights and how far to trust it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from editrefiner.contracts.base import Sha256, WireModel


class BackendInfo(WireModel):
    """The model or operators behind an answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "compact",
                    "version": "1",
                    "digest": "0b" * 32,
                    "licence": "Apache-2.0",
                    "provisional": True,
                }
            ]
        }
    )

    name: str
    """The value of the service's BACKEND setting."""
    version: str
    digest: Sha256
    """SHA-256 of weights and of every setting that changes an answer; part of the step key."""
    licence: str = "Apache-2.0"
    provisional: bool = False
    """True while the backend is untrained or uncalibrated: usable, but not to be quoted as a measurement."""


class Limits(WireModel):
    """What a service accepts."""

    max_image_bytes: Annotated[int, Field(gt=0)]
    max_image_pixels: Annotated[int, Field(gt=0)]
    max_image_side: Annotated[int, Field(gt=0)]
    max_queue: Annotated[int, Field(ge=0)]


class ServiceInfo(WireModel):
    """Answer of `GET /v1/info`."""

    service: Literal["perception", "reasoning", "action", "evaluation"]
    version: str
    contract_version: str
    backend: BackendInfo
    limits: Limits


class Health(WireModel):
    """Answer of the probes. `state` says why a probe is red."""

    state: Literal["starting", "ready", "busy", "draining", "failed"]
    detail: str = ""


class RunState(StrEnum):
    """Where a run is. `unknown` covers what was never asked for and what was canceled or failed."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    UNKNOWN = "unknown"


class RunStatus(WireModel):
    """Answer of `GET` and `DELETE /v1/runs/{key}`."""

    key: str
    """As asked for: an Idempotency-Key or the content key of the run."""
    state: RunState
