"""What does the published 8B detector say? Qwen3-VL with two adapters and two saliency decoders.

A trainer needs `Preprocessor` (inputs), `FeatureReader` (features, gradients included) and `SaliencyDecoder`
(logits): `decoder(f.tokens, f.grid, f.context)` for each `f` in `reader.read(batch)`.
"""

from services.perception.backends.qwen3vl.decoder import DecoderShape, SaliencyDecoder, in_frame, shape_of
from services.perception.backends.qwen3vl.errors import CheckpointError
from services.perception.backends.qwen3vl.features import LAYER, FeatureReader, Features, Positions
from services.perception.backends.qwen3vl.kinds import KINDS, Kind, prompt
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
    "SaliencyDecoder",
    "in_frame",
    "prompt",
    "shape_of",
]
