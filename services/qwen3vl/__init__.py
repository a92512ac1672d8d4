"""What does every agent on Qwen3-VL need? Its layouts, adapters, inputs and states; no service itself.

Backends of services build on it, and it knows none of them. A backend takes `load_model` and `attach`,
encodes with a `Preprocessor`, runs a `Backbone`, and keeps its own head in a file that a `HeadFile` of
`services.checkpoints` names.
"""

from services.qwen3vl.adapters import (
    attach,
    attach_new,
    copy_processor,
    lora,
    refuse_inert,
    save_adapter,
)
from services.qwen3vl.backbone import Backbone, Positions, language_layers
from services.qwen3vl.checkpoint import Layout, layout, load_model
from services.qwen3vl.fit import check_fit
from services.qwen3vl.merging import merge, merge_command
from services.qwen3vl.preprocess import Batch, Encoded, Preprocessor

__all__ = [
    "Backbone",
    "Batch",
    "Encoded",
    "Layout",
    "Positions",
    "Preprocessor",
    "attach",
    "attach_new",
    "check_fit",
    "copy_processor",
    "language_layers",
    "layout",
    "load_model",
    "lora",
    "merge",
    "merge_command",
    "refuse_inert",
    "save_adapter",
]
