"""What a test sends as a batch: edits of a plain picture, as pictures in line."""

import base64
from typing import Any

import numpy as np

from editrefiner.artifacts import encode_png

NDJSON = {"content-type": "application/x-ndjson"}


def uri(level: int) -> str:
    picture = np.full((16, 16, 3), level, np.uint8)
    return f"data:image/png;base64,{base64.b64encode(encode_png(picture)).decode()}"


def item(level: int = 90, **more: Any) -> dict[str, Any]:
    return {"source": uri(100), "edited": uri(level), "instruction": "Make it darker", **more}
