"""How does an adapter become part of its model? Folded in, so that one kind of flaw runs without adapters.

python -m services.perception.backends.qwen3vl.merge --base BASE --adapter weights/artifact --out merged

The directory that it writes is taken wherever an adapter directory is; it holds a whole model.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

from services.perception.backends.qwen3vl.adapters import attach, copy_processor
from services.perception.backends.qwen3vl.checkpoint import layout, load_decoder, load_model
from services.perception.backends.qwen3vl.errors import CheckpointError

DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def merge(base: Path, adapter: Path, out: Path, *, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write the merged model, its decoder and processor files. The sum is made in float32, then rounded."""
    place = layout(adapter)
    if place.merged:
        raise CheckpointError(f"{adapter} is a merged model already.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CheckpointError(f"{out} exists and is no empty directory.")
    processor = place.processor(base)
    load_decoder(place.head, dtype=torch.float32, device="cpu")  # refuses a damaged one before the work
    model = load_model(base, dtype=torch.float32, device="cpu")
    merged = attach(model, "merged", adapter).merge_and_unload(safe_merge=True)
    out.mkdir(parents=True, exist_ok=True)
    merged.to(dtype).save_pretrained(out)
    shutil.copyfile(place.head, out / place.head.name)
    copy_processor(processor, out)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="directory of Qwen3-VL-8B-Instruct")
    parser.add_argument("--adapter", type=Path, required=True, help="directory of adapter and decoder")
    parser.add_argument("--out", type=Path, required=True, help="a new or empty directory")
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="bfloat16", help="of the written model")
    asked = parser.parse_args(arguments)
    try:
        merge(asked.base, asked.adapter, asked.out, dtype=DTYPES[asked.dtype])
    except CheckpointError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
