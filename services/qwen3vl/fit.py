"""Was everything in a directory made for this model? What the model, processor and head say of themselves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import Qwen3VLModel

from services.checkpoints import CheckpointError
from services.qwen3vl.preprocess import Preprocessor


def check_fit(
    directory: Path, model: Qwen3VLModel, preprocessor: Preprocessor, reads: Mapping[str, int]
) -> None:
    """Refuse a processor or head that was made for another model.

    `reads` has the width that each head reads, by what it is called in a message.
    """
    text: Any = model.config.text_config
    vision: Any = model.config.vision_config
    pairs = {
        **{f"width of the {called}": (width, text.hidden_size) for called, width in reads.items()},
        "id of the image token": (preprocessor.image_token_id, model.config.image_token_id),
        "patch size": (preprocessor.patch, vision.patch_size),
        "merge size": (preprocessor.merge, vision.spatial_merge_size),
    }
    wrong = [
        f"the {name} is {ours} and the model's is {its}" for name, (ours, its) in pairs.items() if ours != its
    ]
    if preprocessor.vocabulary > text.vocab_size:
        wrong.append(f"the tokenizer has {preprocessor.vocabulary} tokens and the model {text.vocab_size}")
    if wrong:
        raise CheckpointError(f"{directory} was made for another model: {'; '.join(wrong)}.")
