"""What can be set about a training run? One TOML file, read once, refused with the field in the message."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from editrefiner.contracts import RequestModel
from training.recipe_file import AdamW, Pace, Positive, PositiveFloat, Run, Share, read_recipe

__all__ = ["Config", "read_config"]


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

    alpha: Share = 1 / 3
    beta: Share = 1 / 3

    @model_validator(mode="after")
    def _rest(self) -> Self:
        if self.alpha + self.beta > 1:
            raise ValueError("alpha and beta are together at most 1: the rest is the weight of KLD")
        return self


class Optimizer(AdamW):
    """AdamW over adapter and decoder, cosine without warm-up."""

    learning_rate: PositiveFloat = 3e-5
    floor: Share = 0.4
    """Learning rate of the last step as a share of the first."""


class Schedule(Pace):
    """How long, in which portions, and in which order."""

    epochs: Positive = 5
    accumulation: Positive = 16
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 20260319


class Config(Run):
    """A training run."""

    data: Data
    model: Model
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()


def read_config(path: Path) -> Config:
    """The configuration in a TOML file; its relative paths count from the folder of the file."""
    return _anchored(read_recipe(path, Config), path.resolve().parent)


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
