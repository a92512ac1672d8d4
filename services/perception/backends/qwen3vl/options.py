"""How is the published detector set up? What the service's settings say, in one value."""

from dataclasses import dataclass
from pathlib import Path

from services.checkpoints import Dtype
from services.perception.backends.qwen3vl.features import LAYER
from services.qwen3vl import Positions


@dataclass(frozen=True)
class Qwen3VLOptions:
    """Where the weights lie and how their answers are read."""

    base: Path
    """Qwen3-VL-8B-Instruct; not read where both weights are merged models."""
    artifact_weights: Path
    failure_weights: Path
    positions: Positions = "mrope"
    layer: int = LAYER
    min_max: bool = False
    """Stretch each map to 0..1 as the published code does: then every picture has a flaw."""
    artifact_threshold: float = 0.5
    failure_threshold: float = 0.5
    device: str = "auto"
    """`auto` takes a GPU where there is one."""
    dtype: Dtype = "auto"
    batch: int = 4
    """Edits that go through the model together."""
    threads: int = 1
