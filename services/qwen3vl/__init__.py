"""What does every agent on Qwen3-VL need? Strict checkpoints, adapters, inputs and states; no service itself.

Backends of services build on it, and it knows none of them. A backend takes `load_model` and `attach`,
encodes with a `Preprocessor`, runs a `Backbone`, and keeps its own head in a file that `HeadFile` names.
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
from services.qwen3vl.device import Dtype, chosen_device, chosen_dtype
from services.qwen3vl.errors import CheckpointError
from services.qwen3vl.files import file_digests, is_weights, read_json
from services.qwen3vl.fit import check_fit
from services.qwen3vl.heads import HeadFile
from services.qwen3vl.merging import merge, merge_command
from services.qwen3vl.preprocess import Batch, Encoded, Preprocessor

__all__ = [
    "Backbone",
    "Batch",
    "CheckpointError",
    "Dtype",
    "Encoded",
    "HeadFile",
    "Layout",
    "Positions",
    "Preprocessor",
    "attach",
    "attach_new",
    "check_fit",
    "chosen_device",
    "chosen_dtype",
    "copy_processor",
    "file_digests",
    "is_weights",
    "language_layers",
    "layout",
    "load_model",
    "lora",
    "merge",
    "merge_command",
    "read_json",
    "refuse_inert",
    "save_adapter",
]
