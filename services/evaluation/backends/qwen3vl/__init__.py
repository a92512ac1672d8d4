"""What does the published 8B scorer say? Qwen3-VL with one adapter and a head of three scores.

What any agent on Qwen3-VL needs is in `services.qwen3vl`. A trainer takes from there the model, a fresh
adapter and the inputs, and from here `encode` (an edit as inputs), `ScoreHead` on `last_states` (gradients
included) and `save_head`.
"""

from services.evaluation.backends.qwen3vl.head import (
    HeadShape,
    ScoreHead,
    last_states,
    load_head,
    save_head,
)
from services.evaluation.backends.qwen3vl.loading import layout, load
from services.evaluation.backends.qwen3vl.options import Qwen3VLOptions
from services.evaluation.backends.qwen3vl.question import encode, prompt
from services.evaluation.backends.qwen3vl.scorer import Qwen3VLScorer

__all__ = [
    "HeadShape",
    "Qwen3VLOptions",
    "Qwen3VLScorer",
    "ScoreHead",
    "encode",
    "last_states",
    "layout",
    "load",
    "load_head",
    "prompt",
    "save_head",
]
