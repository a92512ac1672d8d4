"""What does `adapter_config.json` ask for? LoRA of some rank, and nothing that a loader would not obey."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.checkpoints.errors import CheckpointError
from services.checkpoints.files import read_json


def read_lora(path: Path, refused: Sequence[str], *, refused_starts: Sequence[str] = ()) -> dict[str, Any]:
    """The settings as they are written.

    A setting in `refused`, a bias, or an `init_lora_weights` that begins as one of `refused_starts` does is
    what this loader does not support.
    """
    raw = read_json(path)
    if raw.get("peft_type") != "LORA":
        raise CheckpointError(f"{path} describes a {raw.get('peft_type')!r} adapter, not 'LORA'.")
    for name in ("r", "lora_alpha"):
        value = raw.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise CheckpointError(f"{path}: {name} is {value!r}; it must be a number above 0.")
    asked = [name for name in refused if raw.get(name)]
    if raw.get("bias", "none") != "none":
        asked.append("bias")
    if str(raw.get("init_lora_weights")).startswith(tuple(refused_starts)):
        asked.append("init_lora_weights")
    if asked:
        raise CheckpointError(f"{path} asks for what this loader does not support: {', '.join(asked)}.")
    return raw
