"""What does a training loop hold a picture in? PIL, numpy, torch or encoded bytes, as a `data:` URI.

Pictures are told by what they can do, not by their class: nothing but numpy and Pillow is imported.
"""

import base64
import io
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from PIL import Image

from editrefiner.client.errors import PictureUnusableError

_CHANNELS = {1, 3, 4}
_ENCODED = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"II*\x00", b"MM\x00*")


def is_picture(value: object) -> bool:
    """Whether it is one of the forms that `data_uri` takes, save text."""
    return (
        isinstance(value, Image.Image | np.ndarray | bytes | bytearray)
        or hasattr(value, "detach")
        or (isinstance(value, Mapping) and isinstance(_bytes_of(cast("Mapping[str, object]", value)), bytes))
    )


def data_uri(picture: object) -> str:
    """The picture as the wire takes it. PictureUnusableError when it is none.

    Arrays and tensors are (H, W), (H, W, C) or (C, H, W), or one of these with a leading axis of length 1;
    floats are in 0..1, integers in 0..255. A `data:` URI and `sha256:<hex>` are taken as they are.
    """
    if isinstance(picture, str) and picture.startswith(("data:image/", "sha256:")):
        return picture
    if isinstance(picture, Mapping):
        picture = _bytes_of(cast("Mapping[str, object]", picture))
    if isinstance(picture, bytes | bytearray):
        return _uri(_checked(bytes(picture)))
    if isinstance(picture, Image.Image):
        return _uri(_png(picture))
    if hasattr(picture, "detach"):
        picture = _of_tensor(picture)
    array = cast("Any", picture)  # of whatever kind numpy's stubs take it for
    if not isinstance(array, np.ndarray):
        raise PictureUnusableError(
            f"{type(picture).__name__} is no picture; give a PIL image, an array, a tensor or encoded bytes."
        )
    return _uri(_png(Image.fromarray(_pixels(cast("np.ndarray", array)))))


def _bytes_of(picture: Mapping[str, object]) -> object:
    """What a column of pictures holds in a parquet file: `{"bytes": ..., "path": ...}`."""
    return picture.get("bytes")


def _of_tensor(tensor: Any) -> np.ndarray:  # Any: a torch.Tensor, which is not imported here
    tensor = tensor.detach().cpu()
    return np.asarray(tensor.float().numpy() if tensor.is_floating_point() else tensor.numpy())


def _pixels(given: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 3 or 4) uint8."""
    array = given
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[0] in _CHANNELS and array.shape[2] not in _CHANNELS:
        array = np.moveaxis(array, 0, 2)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in _CHANNELS) or not array.size:
        raise PictureUnusableError(f"an array of shape {given.shape} is no picture.")
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            raise PictureUnusableError("an array with values that are no numbers is no picture.")
        array = np.rint(np.clip(array.astype(np.float64), 0.0, 1.0) * 255)
    elif array.dtype != np.uint8:
        array = np.clip(array, 0, 255)
    return np.ascontiguousarray(array.astype(np.uint8))


def _checked(encoded: bytes) -> bytes:
    if not encoded.startswith(_ENCODED):
        raise PictureUnusableError("these bytes are no PNG, JPEG, WebP or TIFF.")
    return encoded


def _png(picture: Image.Image) -> bytes:
    held = io.BytesIO()
    mode = picture.mode if picture.mode in {"L", "RGB", "RGBA"} else "RGB"
    picture.convert(mode).save(held, format="PNG", compress_level=1)
    return held.getvalue()


def _uri(encoded: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(encoded).decode()}"  # a hint: the bytes decide
