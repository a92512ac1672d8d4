"""What can the file of every recipe set? Output, optimizer and pace; it is refused with the field named."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from editrefiner.contracts import RequestModel, fingerprint

__all__ = ["AdamW", "ConfigError", "Pace", "Positive", "PositiveFloat", "Run", "Share", "read_recipe"]

Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class ConfigError(ValueError):
    """The file is no configuration; the message names the file and the field."""


class AdamW(RequestModel):
    """AdamW over all that learns, with one learning rate."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.98)
    epsilon: PositiveFloat = 1e-8
    clip: PositiveFloat = 0.5
    """Largest norm of the gradient."""


class Pace(RequestModel):
    """How long, and in which portions."""

    epochs: Positive
    batch: Positive = 1
    """Edits, or pairs, in one pass of one process."""
    accumulation: Positive
    """Passes in one step of the optimizer."""
    validate_every: Positive = 200
    """Steps; the end of every epoch is judged besides."""
    save_every: Positive = 200
    """Steps between states to resume from."""
    patience: Positive = 5
    """Judgements in a row without a better one before training stops."""


class Run(RequestModel):
    """A training run; each recipe adds what it learns from and what it trains."""

    output: Path
    """Directory for weights, states and logs."""
    device: Literal["auto", "cpu"] = "auto"
    """`auto` takes the GPUs that accelerate was started on."""

    def digest(self) -> str:
        """Of everything that decides about the numbers: a run is resumed with the same only."""
        return fingerprint(self.model_dump(mode="json", exclude={"output": True, "data": {"workers"}}))


Recipe = TypeVar("Recipe", bound=Run)


def read_recipe(path: Path, form: type[Recipe]) -> Recipe:
    """The configuration in a TOML file, with its paths as they are written."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"{path} is no TOML file: {exc}") from exc
    try:
        return form.model_validate(content)
    except ValidationError as exc:
        said = "; ".join(
            f"{'.'.join(map(str, error['loc'])) or 'the file'}: {error['msg']}" for error in exc.errors()
        )
        raise ConfigError(f"{path}: {said}") from exc
