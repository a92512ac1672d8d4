"""How does an adapter become part of its model? Folded in, so that an agent runs without adapters."""

import argparse
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch

from services.checkpoints import CheckpointError
from services.qwen3vl.adapters import attach, copy_processor
from services.qwen3vl.checkpoint import Layout, load_model

DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def merge(
    place: Layout, base: Path, out: Path, *, dtype: torch.dtype = torch.bfloat16, beside: Iterable[Path] = ()
) -> None:
    """Write the merged model, its head and processor files, and the files `beside` the head.

    The sum is made in float32, then rounded.
    """
    if place.merged:
        raise CheckpointError(f"{place.directory} is a merged model already.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CheckpointError(f"{out} exists and is no empty directory.")
    processor = place.processor(base)
    model = load_model(base, dtype=torch.float32, device="cpu")
    merged = attach(model, "merged", place.directory).merge_and_unload(safe_merge=True)
    out.mkdir(parents=True, exist_ok=True)
    merged.to(dtype).save_pretrained(out)
    for path in (place.head, *beside):
        shutil.copyfile(path, out / path.name)
    copy_processor(processor, out)


def merge_command(
    description: str | None,
    run: Callable[[Path, Path, Path, torch.dtype], None],
    arguments: Sequence[str] | None = None,
) -> None:
    """The command line of a merge: `run` takes base, adapter, out and the precision to write."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="directory of Qwen3-VL-8B-Instruct")
    parser.add_argument("--adapter", type=Path, required=True, help="directory of adapter and head")
    parser.add_argument("--out", type=Path, required=True, help="a new or empty directory")
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="bfloat16", help="of the written model")
    asked = parser.parse_args(arguments)
    try:
        run(asked.base, asked.adapter, asked.out, DTYPES[asked.dtype])
    except CheckpointError as error:
        parser.exit(1, f"{error}\n")
