"""Who computed an answer: the backend, its weights and how far to trust it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from editrefiner.contracts.base import Sha256, UnitInterval, WireModel
from editrefiner.contracts.scoring import Scoring


class WeightsFile(WireModel):
    """One file of trained numbers that a backend computes with."""

    name: Annotated[str, Field(min_length=1)]
    """Its path below the backend's directory of weights."""
    sha256: Sha256
    """Of the bytes of the file."""
    licence: Annotated[str, Field(min_length=1)]
    """An SPDX identifier, or a few words where there is none."""
    origin: str = ""
    """Where it comes from: a published model, or the recipe that trained it."""


class PromptInfo(WireModel):
    """The text, prompt or rubric, that a language model is asked with."""

    id: Annotated[str, Field(min_length=1)]
    """Its name and version, such as `editrefiner-score-1`."""
    sha256: Sha256
    """Of its UTF-8 bytes before an instruction is put into it."""


def _is_empty(value: object) -> bool:
    return not value


class BackendInfo(WireModel):
    """The model or operators behind an answer.

    `weights`, `training_data` and `prompt` tell and do not decide: the step key knows `digest` alone, which
    covers them. They are left out of the JSON where a backend has none.
    """

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
    weights: Annotated[tuple[WeightsFile, ...], Field(exclude_if=_is_empty)] = ()
    """Every file of trained numbers; none where the backend computes by rules alone."""
    training_data: Annotated[str, Field(exclude_if=_is_empty)] = ""
    """What it was trained on, in a sentence; empty where it was not trained."""
    prompt: Annotated[PromptInfo | None, Field(exclude_if=_is_empty)] = None
    """What it is asked with; None where it is asked without words of its own."""


class Limits(WireModel):
    """What a service accepts."""

    max_image_bytes: Annotated[int, Field(gt=0)]
    max_image_pixels: Annotated[int, Field(gt=0)]
    max_image_side: Annotated[int, Field(gt=0)]
    max_queue: Annotated[int, Field(ge=0)]
    max_image_ratio: Annotated[float, Field(ge=1)] = 100.0
    """Longer side over shorter side."""


class ServiceInfo(WireModel):
    """Answer of `GET /v1/info`."""

    service: Literal["perception", "reasoning", "action", "evaluation"]
    version: str
    contract_version: str
    backend: BackendInfo
    limits: Limits
    thresholds: dict[str, UnitInterval] = Field(default_factory=dict[str, UnitInterval], exclude_if=_is_empty)
    """Where the service cuts, by the name of what is cut; left out where it cuts nothing."""
    conventions: dict[str, str] = Field(default_factory=dict[str, str], exclude_if=_is_empty)
    """How to read what it answers, by the field of the answer; left out where the schema says it all."""
    scoring: Annotated[Scoring | None, Field(exclude_if=_is_empty)] = None
    """How to read scores; None where the service gives none."""


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
