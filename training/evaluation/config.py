"""What can be set about a training of the scorer? One TOML file, read once, refused with the field named."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from editrefiner.contracts import RequestModel
from training.recipe_file import AdamW, Pace, Positive, PositiveFloat, Run, Share, read_recipe

__all__ = [
    "STAGES",
    "Config",
    "Levels",
    "Model",
    "Preferences",
    "Scores",
    "Stage",
    "StageName",
    "Table",
    "read_config",
]

StageName = Literal["levels", "scores", "preferences"]
STAGES: tuple[StageName, ...] = ("levels", "scores", "preferences")
"""In the order in which they are trained; each starts from the best of the one before."""


class Table(RequestModel):
    """A table of rated edits or compared pairs; `training/evaluation/tables.py` reads it."""

    path: Path
    root: Path | None = None
    """Folder that its paths count from; None = that of the table."""
    count: Positive | None = None
    """The first so many rows only; None = all."""


class Data(RequestModel):
    """What is learnt from, and what it is judged by: no edited picture stands in two of them."""

    train: Table | None = None
    """Scores; None where only preferences are trained."""
    validation: Table | None = None
    pairs: Table | None = None
    """Preferences."""
    pairs_validation: Table | None = None
    test: tuple[Table, ...] = ()
    """Tables of scores that are kept for the report. They are looked into for one thing: a run whose other
    tables hold one of their edited pictures is refused."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that read and encode pictures, per process that trains."""


class Model(RequestModel):
    """What is trained."""

    base: Path
    """Directory of the base model with its LM head, Qwen3-VL-8B-Instruct for the published sizes."""
    start: Path | None = None
    """Adapter and head in the published layout to go on from; None = fresh ones."""
    positions: Literal["mrope", "linear"] = "mrope"
    lora_rank: Positive = 64
    lora_alpha: Positive = 32
    head_widths: tuple[Positive, Positive] = (2048, 512)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """After the first layer of the head; half of it after the second."""
    precision: Literal["bf16", "float32"] = "bf16"
    """Of the frozen base and of the computation; what is trained is kept in float32."""
    gradient_checkpointing: bool = True


class Stage(Pace):
    """How long, in which portions, and how fast."""

    learning_rate: PositiveFloat = 2e-5
    warmup: Share = 0.08
    """Share of the steps over which the learning rate rises from 0."""
    floor: Share = 0.4
    """Learning rate of the last step as a share of the highest; a cosine leads there."""
    epochs: Positive = 2
    accumulation: Positive = 8


class Levels(Stage):
    """Stage 1: five text levels by cross-entropy."""

    targets: Literal["hard", "soft"] = "hard"
    """The level that a score lies in, as in the paper, or its share of the two nearest."""


class Scores(Stage):
    """Stage 2: MSE + (1 - PLCC) of each dimension, equation 8."""

    remembered: Annotated[int, Field(ge=0)] = 256
    """Earlier edits that the correlation is taken over besides; 0 = those of one pass alone."""


class Preferences(Stage):
    """Which of two edits people prefer, by Bradley and Terry's model with ties."""

    scale: PositiveFloat = 10.0
    """Points of difference at which the odds are e : 1."""
    tie: PositiveFloat = 1.0
    """Odds of a tie between equal edits, against either being preferred."""


class Config(Run):
    """A training run; its output has a folder for each stage."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 20260415
    data: Data
    model: Model
    optimizer: AdamW = AdamW()
    levels: Levels | None = None
    """None leaves the stage out, as in the two below."""
    scores: Scores | None = None
    preferences: Preferences | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.stages():
            raise ValueError(f"there is no stage to train: write one of [{'], ['.join(STAGES)}]")
        if (self.levels or self.scores) and not (self.data.train and self.data.validation):
            raise ValueError("[levels] and [scores] need data.train and data.validation")
        if self.preferences and not (self.data.pairs and self.data.pairs_validation):
            raise ValueError("[preferences] needs data.pairs and data.pairs_validation")
        return self

    def stages(self) -> dict[StageName, Stage]:
        """Those that are trained, in their order."""
        found: dict[StageName, Stage | None] = {
            "levels": self.levels,
            "scores": self.scores,
            "preferences": self.preferences,
        }
        return {name: stage for name, stage in found.items() if stage is not None}


def read_config(path: Path) -> Config:
    """The configuration in a TOML file; its relative paths count from the folder of the file."""
    return _anchored(read_recipe(path, Config), path.resolve().parent)


def _anchored(config: Config, folder: Path) -> Config:
    """The same with absolute paths."""

    def placed(table: Table | None) -> Table | None:
        if table is None:
            return None
        return table.model_copy(
            update={"path": folder / table.path, "root": table.root and folder / table.root}
        )

    data = config.data
    tables = {
        name: placed(getattr(data, name)) for name in ("train", "validation", "pairs", "pairs_validation")
    }
    data = data.model_copy(update={**tables, "test": tuple(placed(table) for table in data.test)})
    model = config.model
    model = model.model_copy(
        update={"base": folder / model.base, "start": model.start and folder / model.start}
    )
    return config.model_copy(update={"output": folder / config.output, "data": data, "model": model})
