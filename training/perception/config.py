"""What can be set about a training run? One TOML file, read once, refused with the field in the message."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from editrefiner.contracts import RequestModel, fingerprint

__all__ = ["Config", "ConfigError", "read_config"]

Positive = Annotated[int, Field(gt=0)]


class ConfigError(ValueError):
    """The file is no configuration; the message names the file and the field."""


class Source(RequestModel):
    """Where labelled edits come from."""

    form: Literal["table", "records", "flaws"]
    """A CSV of the release, a records file, or synthetic flaws drawn on photographs."""
    path: Path | None = None
    """The file; for `flaws` a folder of photographs, None = those beside the checkout."""
    root: Path | None = None
    """Folder that the paths of a table count from; None = that of the table."""
    count: Positive | None = None
    """Edits to draw, for `flaws`."""
    seed: Annotated[int, Field(ge=0)] = 1
    """Of the drawing."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.form == "flaws" and self.count is None:
            raise ValueError("flaws are drawn without end: say how many, as count")
        if self.form != "flaws" and self.path is None:
            raise ValueError(f"a source of the form {self.form!r} needs a path")
        if self.form != "table" and self.root is not None:
            raise ValueError("root is for tables")
        return self


class Data(RequestModel):
    """What is learnt from, and what it is judged by: never the same files."""

    train: Source
    validation: Source
    validation_limit: Positive | None = None
    """Judge by the first so many edits only; None = by all."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that read and encode pictures, per process that trains."""


class Model(RequestModel):
    """What is trained."""

    base: Path
    """Directory of the base model, Qwen3-VL-8B-Instruct for the published sizes."""
    kind: Literal["artifact", "failure"]
    """Which of the two detectors."""
    layer: Positive = 26
    positions: Literal["mrope", "linear"] = "mrope"
    lora_rank: Positive = 64
    lora_alpha: Positive = 32
    decoder_width: Annotated[int, Field(gt=0, multiple_of=8)] = 1024
    decoder_hidden: Positive = 4096
    decoder_stages: tuple[Positive, Positive, Positive] = (256, 128, 64)
    precision: Literal["bf16", "float32"] = "bf16"
    """Of the frozen base and of the computation; what is trained is kept in float32."""
    gradient_checkpointing: bool = True


class Loss(RequestModel):
    """Weights of equation 6; KLD has the rest. The paper gives none, the release weighs the three alike."""

    alpha: Annotated[float, Field(ge=0, le=1)] = 1 / 3
    beta: Annotated[float, Field(ge=0, le=1)] = 1 / 3

    @model_validator(mode="after")
    def _rest(self) -> Self:
        if self.alpha + self.beta > 1:
            raise ValueError("alpha and beta are together at most 1: the rest is the weight of KLD")
        return self


class Optimizer(RequestModel):
    """AdamW over adapter and decoder with one learning rate, cosine without warm-up."""

    learning_rate: Annotated[float, Field(gt=0)] = 3e-5
    floor: Annotated[float, Field(ge=0, le=1)] = 0.4
    """Learning rate of the last step as a share of the first."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.98)
    epsilon: Annotated[float, Field(gt=0)] = 1e-8
    clip: Annotated[float, Field(gt=0)] = 0.5
    """Largest norm of the gradient."""


class Schedule(RequestModel):
    """How long, and in which portions."""

    epochs: Positive = 5
    batch: Positive = 1
    """Edits in one pass of one process."""
    accumulation: Positive = 16
    """Passes in one step of the optimizer."""
    validate_every: Positive = 200
    """Steps; the end of every epoch is judged besides."""
    save_every: Positive = 200
    """Steps between states to resume from."""
    patience: Positive = 5
    """Judgements in a row without a better CC before training stops."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 20260319


class Config(RequestModel):
    """A training run."""

    output: Path
    """Directory for weights, states and logs."""
    device: Literal["auto", "cpu"] = "auto"
    """`auto` takes the GPUs that accelerate was started on."""
    data: Data
    model: Model
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()

    def digest(self) -> str:
        """Of everything that decides about the numbers: a run is resumed with the same only."""
        return fingerprint(self.model_dump(mode="json", exclude={"output": True, "data": {"workers"}}))


def read_config(path: Path) -> Config:
    """The configuration in a TOML file; its relative paths count from the folder of the file."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"{path} is no TOML file: {exc}") from exc
    try:
        return _anchored(Config.model_validate(content), path.resolve().parent)
    except ValidationError as exc:
        said = "; ".join(
            f"{'.'.join(map(str, error['loc'])) or 'the file'}: {error['msg']}" for error in exc.errors()
        )
        raise ConfigError(f"{path}: {said}") from exc


def _anchored(config: Config, folder: Path) -> Config:
    """The same with absolute paths."""

    def placed(source: Source) -> Source:
        return source.model_copy(
            update={
                "path": source.path and folder / source.path,
                "root": source.root and folder / source.root,
            }
        )

    data = config.data.model_copy(
        update={"train": placed(config.data.train), "validation": placed(config.data.validation)}
    )
    model = config.model.model_copy(update={"base": folder / config.model.base})
    return config.model_copy(update={"output": folder / config.output, "data": data, "model": model})
