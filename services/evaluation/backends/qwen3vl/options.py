"""How is the published scorer set up? What the service's settings say, in one value."""

from dataclasses import dataclass
from pathlib import Path

from editrefiner.contracts import OverallKind
from services.checkpoints import Dtype
from services.qwen3vl import Positions


@dataclass(frozen=True)
class Qwen3VLOptions:
    """Where the weights lie and how their answers are read."""

    base: Path
    """Qwen3-VL-8B-Instruct; not read where the weights are a merged model with processor files."""
    weights: Path
    positions: Positions = "mrope"
    overall: OverallKind = "geometric"
    calibration: Path | None = None
    """What was measured about this scorer; None where nothing was."""
    device: str = "auto"
    """`auto` takes a GPU where there is one."""
    dtype: Dtype = "auto"
    batch: int = 4
    """Edits that go through the model together."""
    threads: int = 1
