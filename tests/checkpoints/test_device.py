"""A device and a precision are chosen by name, and one that is not there is refused at once."""

import pytest
import torch

from services.checkpoints import DeviceError, chosen_device, chosen_dtype


def test_auto_is_a_gpu_where_there_is_one() -> None:
    assert chosen_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    assert chosen_device("cpu") == "cpu"


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(DeviceError, match="The device 'abacus' is none that torch can use here"):
        chosen_device("abacus")


def test_auto_is_half_precision_on_a_gpu_alone() -> None:
    assert chosen_dtype("auto", "cpu") == torch.float32
    assert chosen_dtype("auto", "cuda:0") == torch.bfloat16
    assert chosen_dtype("bfloat16", "cpu") == torch.bfloat16
    assert chosen_dtype("float32", "cuda") == torch.float32
