"""What does the published 8B detector say? Qwen3-VL with two adapters and two saliency decoders.

What any agent on Qwen3-VL needs is in `services.qwen3vl`. A trainer takes from there `load_model`,
`attach_new` (a fresh adapter), `Preprocessor` (inputs), `save_adapter` and `copy_processor`, and from here
`encode` (an edit as inputs), `FeatureReader` (features, gradients included), `SaliencyDecoder` (logits:
`decoder(f.tokens, f.grid, f.context)` for each `f` in `reader.read(batch)`) and `save_decoder`.
"""

from services.perception.backends.qwen3vl.checkpoint import layout, load_decoder, save_decoder
from services.perception.backends.qwen3vl.decoder import DecoderShape, SaliencyDecoder, in_frame, shape_of
from services.perception.backends.qwen3vl.detector import Qwen3VLDetector
from services.perception.backends.qwen3vl.features import LAYER, FeatureReader, Features
from services.perception.backends.qwen3vl.kinds import KINDS, Kind, encode, prompt
from services.perception.backends.qwen3vl.options import Qwen3VLOptions

__all__ = [
    "KINDS",
    "LAYER",
    "DecoderShape",
    "FeatureReader",
    "Features",
    "Kind",
    "Qwen3VLDetector",
    "Qwen3VLOptions",
    "SaliencyDecoder",
    "encode",
    "in_frame",
    "layout",
    "load_decoder",
    "prompt",
    "save_decoder",
    "shape_of",
]
