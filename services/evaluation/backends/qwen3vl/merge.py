"""How does the scorer's adapter become part of its model? Folded in, so that it runs without adapters.

python -m services.evaluation.backends.qwen3vl.merge --base BASE --adapter weights/evaluation --out merged

The directory that it writes is taken wherever an adapter directory is; it holds a whole model.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from services.evaluation.backends.qwen3vl.head import CONFIG, load_head
from services.evaluation.backends.qwen3vl.loading import layout
from services.qwen3vl import merge as merge_adapter
from services.qwen3vl import merge_command


def merge(base: Path, adapter: Path, out: Path, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write the merged model, its head with its shape, and processor files."""
    place = layout(adapter)
    load_head(place.head)  # refuses a damaged one before the work
    merge_adapter(place, base, out, dtype=dtype, beside=[adapter / CONFIG])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    merge_command(__doc__, merge, arguments)


if __name__ == "__main__":
    main()
