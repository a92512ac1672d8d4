"""How does an adapter become part of its model? Folded in, so that one kind of flaw runs without adapters.

python -m services.perception.backends.qwen3vl.merge --base BASE --adapter weights/artifact --out merged

The directory that it writes is taken wherever an adapter directory is; it holds a whole model.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from services.perception.backends.qwen3vl.checkpoint import layout, load_decoder
from services.qwen3vl import merge as merge_adapter
from services.qwen3vl import merge_command


def merge(base: Path, adapter: Path, out: Path, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write the merged model, its decoder and processor files."""
    place = layout(adapter)
    load_decoder(place.head, dtype=torch.float32, device="cpu")  # refuses a damaged one before the work
    merge_adapter(place, base, out, dtype=dtype)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    merge_command(__doc__, merge, arguments)


if __name__ == "__main__":
    main()
