"""What does a detector keep resident? One base for all adapters; a decoder and a processor for each kind."""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from transformers import Qwen3VLModel

from services.perception.backends.qwen3vl.checkpoint import layout, load_decoder
from services.perception.backends.qwen3vl.decoder import SaliencyDecoder
from services.perception.backends.qwen3vl.features import FeatureReader
from services.perception.backends.qwen3vl.kinds import Kind
from services.perception.backends.qwen3vl.options import Qwen3VLOptions
from services.qwen3vl import Layout, Preprocessor, attach, check_fit, load_model, refuse_inert

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Branch:
    """Everything that one kind of flaw has for itself; models may be shared."""

    reader: FeatureReader
    decoder: SaliencyDecoder
    preprocessor: Preprocessor
    adapters: PeftModel | None
    """Where this branch's adapter has to be made the active one; None for a merged model."""
    directories: tuple[Path, ...]
    """All that was read for it."""


def load_branches(options: Qwen3VLOptions, device: str, dtype: torch.dtype) -> dict[Kind, Branch]:
    """Read and check everything that the options name; raises CheckpointError."""
    layouts: dict[Kind, Layout] = {
        "artifact": layout(options.artifact_weights),
        "failure": layout(options.failure_weights),
    }
    base: Qwen3VLModel | None = None
    adapted: PeftModel | None = None
    branches: dict[Kind, Branch] = {}
    for kind, place in layouts.items():
        # Small files first: what is wrong with them shows before gigabytes are read.
        decoder = load_decoder(place.head, dtype=dtype, device=device)
        processor = place.processor(options.base)
        preprocessor = Preprocessor(processor)
        if place.merged:
            model = load_model(place.directory, dtype=dtype, device=device)
        else:
            base = base or load_model(options.base, dtype=dtype, device=device)
            adapted = attach(adapted or base, kind, place.directory)
            refuse_inert(adapted, kind, place.directory)
            model = base
        check_fit(place.directory, model, preprocessor, {"decoder's input": decoder.shape.features})
        reader = FeatureReader(model, layer=options.layer, positions=options.positions)
        directories = (
            (place.directory, processor) if place.merged else (place.directory, processor, options.base)
        )
        switched = None if place.merged else adapted
        branches[kind] = Branch(reader, decoder, preprocessor, switched, directories)
        log.info("perception weights loaded", extra={"kind": kind, "merged": place.merged, "device": device})
    return branches
