"""How are weights read from files? Strictly, by digest, without running anything in them.

Backends of services build on it, and it knows none of them nor any model.
"""

from services.checkpoints.device import Dtype, chosen_device, chosen_dtype
from services.checkpoints.errors import CheckpointError, DeviceError, built, first_line
from services.checkpoints.files import file_digests, is_weights, read_json
from services.checkpoints.heads import HeadFile
from services.checkpoints.lora import read_lora
from services.checkpoints.tensors import (
    check_effect,
    check_finite,
    check_names,
    contiguous,
    each_tensor,
    read_tensors,
    refuse_misfits,
    shards,
)

__all__ = [
    "CheckpointError",
    "DeviceError",
    "Dtype",
    "HeadFile",
    "built",
    "check_effect",
    "check_finite",
    "check_names",
    "chosen_device",
    "chosen_dtype",
    "contiguous",
    "each_tensor",
    "file_digests",
    "first_line",
    "is_weights",
    "read_json",
    "read_lora",
    "read_tensors",
    "refuse_misfits",
    "shards",
]
