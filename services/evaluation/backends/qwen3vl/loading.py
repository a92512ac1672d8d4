"""What does a scorer keep resident? One model with its adapter, the head and a processor."""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from services.evaluation.backends.qwen3vl.head import HEAD, ScoreHead, load_head
from services.evaluation.backends.qwen3vl.options import Qwen3VLOptions
from services.qwen3vl import (
    Backbone,
    Layout,
    Preprocessor,
    attach,
    check_fit,
    load_model,
    refuse_inert,
)
from services.qwen3vl import layout as layout_with

ADAPTER = "evaluation"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """Everything that a score needs."""

    backbone: Backbone
    head: ScoreHead
    preprocessor: Preprocessor
    directories: tuple[Path, ...]
    """All that was read for it."""


def layout(directory: Path) -> Layout:
    """Which of the two layouts a directory has."""
    return layout_with(directory, HEAD)


def load(options: Qwen3VLOptions, device: str, dtype: torch.dtype) -> Loaded:
    """Read and check everything that the options name; raises CheckpointError."""
    place = layout(options.weights)
    # Small files first: what is wrong with them shows before gigabytes are read.
    head = load_head(place.head).to(device)
    processor = place.processor(options.base)
    preprocessor = Preprocessor(processor)
    model = load_model(place.directory if place.merged else options.base, dtype=dtype, device=device)
    check_fit(place.directory, model, preprocessor, {"head's input": head.shape.hidden_size})
    directories = [place.directory, processor]
    if not place.merged:
        refuse_inert(attach(model, ADAPTER, place.directory), ADAPTER, place.directory)
        directories.append(options.base)
    log.info("evaluation weights loaded", extra={"merged": place.merged, "device": device})
    return Loaded(
        Backbone(model, positions=options.positions), head, preprocessor, tuple(dict.fromkeys(directories))
    )
