"""Where does a model compute, and in which precision? What the settings say, with `auto` decided."""

from typing import Literal

import torch

from services.checkpoints.errors import DeviceError

Dtype = Literal["auto", "float32", "bfloat16"]
"""`auto` is bfloat16 on a GPU and float32 on a CPU."""


def chosen_device(name: str) -> str:
    """A name that torch can use; `auto` takes a GPU where there is one."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"The device {name!r} is none that torch can use here.") from error
    return name


def chosen_dtype(name: Dtype, device: str) -> torch.dtype:
    """The precision of the model's weights on that device."""
    if name == "auto":
        return torch.float32 if device == "cpu" else torch.bfloat16
    return torch.float32 if name == "float32" else torch.bfloat16
