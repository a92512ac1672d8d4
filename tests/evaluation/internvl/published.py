"""The scorer as its authors run it: their layers, PEFT, and a head multiplied out by hand."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from peft import PeftModel
from PIL import Image
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast

from services.evaluation.backends.internvl import InternVLOptions
from training.evaluation.tiny_internvl import empty_model

PROMPT = (
    "With the image editing prompt [{instruction}], the source image <image> is edited to generate the "
    "target image <image>. Please rate the target image from {aspect} aspect on a scale of 0-100. Just "
    "reply a sentence in the following format: [The quality score is XX.XX (a number with two decimal)]"
    " The quality score is 00.00"
)
WORDS = {
    "visual": "visual quality",
    "alignment": "editing instruction alignment",
    "preservation": "attribute preservation",
}
PICTURE = "<img>" + "<IMG_CONTEXT>" * 256 + "</img>"


def options_of(directory: Path, **changes: Any) -> InternVLOptions:
    names = {aspect: directory / f"lora_checkpoints_{aspect}" for aspect in WORDS}
    return InternVLOptions(**{"base": directory / "base", **names, "acknowledged": True, **changes})


def picture(height: int, width: int, seed: int) -> np.ndarray:
    """Soft random colours."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def seen(shown: np.ndarray) -> torch.Tensor:
    small = Image.fromarray(shown).resize((448, 448), Image.Resampling.BICUBIC)
    values = torch.tensor(np.asarray(small)).permute(2, 0, 1) / 255
    return (values - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor(
        [0.229, 0.224, 0.225]
    )[:, None, None]


@torch.no_grad()
def published_score(
    directory: Path, aspect: str, source: np.ndarray, edited: np.ndarray, instruction: str
) -> float:
    model = empty_model(directory / "base")
    state = {
        name: tensor.float()
        for file in (directory / "base").glob("*.safetensors")
        for name, tensor in load_file(file).items()
    }
    model.load_state_dict(state)
    place = directory / f"lora_checkpoints_{aspect}"
    wrapped: Any = model  # PEFT takes any module, its annotations only the library's
    wrapped.vision_model = PeftModel.from_pretrained(wrapped.vision_model, place / "vision_lora").eval()
    wrapped.language_model = PeftModel.from_pretrained(wrapped.language_model, place / "llm_lora").eval()
    tokenizer: Any = PreTrainedTokenizerFast(tokenizer_file=str(directory / "base" / "tokenizer.json"))
    text = PROMPT.format(instruction=instruction, aspect=WORDS[aspect]).replace("<image>", PICTURE)
    ids = torch.tensor(tokenizer(text, add_special_tokens=False)["input_ids"])
    token = tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>")

    feature = model(torch.stack([seen(source), seen(edited)]), ids, token)[-6]

    head = torch.load(place / "mlp_head.pth", weights_only=True)
    first = (head["mlp.0.weight"] @ feature + head["mlp.0.bias"]).clamp(min=0)
    second = (head["mlp.2.weight"] @ first + head["mlp.2.bias"]).clamp(min=0)
    return float(100 * (head["mlp.4.weight"] @ second + head["mlp.4.bias"]).abs())
