"""How is the EditHF scorer set up? What the service's settings say, in one value."""

from dataclasses import dataclass
from pathlib import Path

from services.checkpoints import Dtype
from services.evaluation.backends.internvl.aspects import Aspect


@dataclass(frozen=True)
class InternVLOptions:
    """Where the weights lie, and whether their limits are known."""

    base: Path
    """InternVL3_5-8B, in the layout of its authors or in that of the transformers library."""
    visual: Path
    alignment: Path
    preservation: Path
    acknowledged: bool = False
    """Whether who runs this has read WARNINGS; without it nothing is loaded."""
    calibration: Path | None = None
    """What was measured about these scores; None where nothing was."""
    device: str = "auto"
    """`auto` takes a GPU where there is one."""
    dtype: Dtype = "auto"
    """`auto` is bfloat16 on a GPU and float32 on a CPU."""
    threads: int = 1

    def directory(self, aspect: Aspect) -> Path:
        """Where the adapters and the head of an aspect lie."""
        return {"visual": self.visual, "alignment": self.alignment, "preservation": self.preservation}[aspect]
