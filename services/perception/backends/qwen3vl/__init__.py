"""What does the published 8B detector say? Qwen3-VL with two adapters and two saliency decoders.

A trainer needs `load_model`, `attach_new` (a fresh adapter), `Preprocessor` (inputs), `FeatureReader`
(features, gradients included), `SaliencyDecoder` (logits: `decoder(f.tokens, f.grid, f.context)` for each
`f` in `reader.read(batch)`), and to keep the result `save_adapter`, `save_decoder` and `copy_processor`.
"""

from services.perception.backends.qwen3vl.adapters import (
    attach,
    attach_new,
    copy_processor,
    lora,
    save_adapter,
    save_decoder,
)
from services.perception.backends.qwen3vl.checkpoint import layout, load_decoder, load_model
from services.perception.backends.qwen3vl.decoder import DecoderShape, SaliencyDecoder, in_frame, shape_of
from services.perception.backends.qwen3vl.detector import Qwen3VLDetector
from services.perception.backends.qwen3vl.errors import CheckpointError
from services.perception.backends.qwen3vl.features import LAYER, FeatureReader, Features, Positions
from services.perception.backends.qwen3vl.kinds import KINDS, Kind, prompt
from services.perception.backends.qwen3vl.options import Qwen3VLOptions
from services.perception.backends.qwen3vl.preprocess import Batch, Encoded, Preprocessor

__all__ = [
    "KINDS",
    "LAYER",
    "Batch",
    "CheckpointError",
    "DecoderShape",
    "Encoded",
    "FeatureReader",
    "Features",
    "Kind",
    "Positions",
    "Preprocessor",
    "Qwen3VLDetector",
    "Qwen3VLOptions",
    "SaliencyDecoder",
    "attach",
    "attach_new",
    "copy_processor",
    "in_frame",
    "layout",
    "load_decoder",
    "load_model",
    "lora",
    "prompt",
    "save_adapter",
    "save_decoder",
    "shape_of",
]
