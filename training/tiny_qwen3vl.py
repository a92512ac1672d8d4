"""What does a Qwen3-VL directory look like? A random base, tiny, with tokenizer and processor files.

The tiny checkpoints of the agents stand on it; it is loaded through the same code as the eight billion.
What it answers means nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import Qwen2Tokenizer, Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLModel
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from services.qwen3vl import attach_new, copy_processor, lora, save_adapter
from training.tiny_checkpoints import byte_tokenizer

__all__ = ["AUTHORS_BASE", "WIDTH", "write_adapter", "write_base"]

WIDTH = 32
SMALLEST_PIXELS = 32 * 32
LARGEST_PIXELS = 448 * 448  # tests stay quick whatever they show; the published processor has no such cap
AUTHORS_BASE = "/home/author/models/Qwen3-VL-8B-Instruct"  # as published: a path that exists nowhere else
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
TEMPLATE = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.content is string %}{{- message.content }}{%- else %}"
    "{%- for part in message.content %}"
    "{%- if part.type == 'image' %}{{- '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- else %}{{- part.text }}{%- endif %}{%- endfor %}{%- endif %}"
    "{{- '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


def write_base(directory: Path, questions: Sequence[str], layers: int) -> Qwen3VLModel:
    """Write a model with its LM head in bf16; the vocabulary is learned from the questions.

    What is drawn at random comes from torch's global generator.
    """
    tokenizer = byte_tokenizer(questions, SPECIAL)
    tokenizer.chat_template = TEMPLATE
    # The library's annotations are narrower than what it takes, here and below.
    model: Any = Qwen3VLForConditionalGeneration(_config(tokenizer, layers))
    model.to(torch.bfloat16)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    _picture_settings().save_pretrained(directory)
    return model.model


def write_adapter(
    directory: Path, model: Qwen3VLModel | PeftModel, name: str, *, rank: int, alpha: int, processor: Path
) -> PeftModel:
    """Write a random adapter with processor files; it stays on the model under its name."""
    config = lora(rank, alpha)
    adapted = attach_new(model, name, config, float32=True)
    config.base_model_name_or_path = AUTHORS_BASE
    for key, parameter in adapted.named_parameters():
        if f".lora_B.{name}." in key:  # a fresh adapter is zero and would change nothing
            torch.nn.init.normal_(parameter, std=0.5)
    save_adapter(directory, adapted, name)
    copy_processor(processor, directory)
    return adapted


def _picture_settings() -> Qwen2VLImageProcessorPil:
    return Qwen2VLImageProcessorPil(
        patch_size=16,
        temporal_patch_size=2,
        merge_size=2,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        size={"shortest_edge": SMALLEST_PIXELS, "longest_edge": LARGEST_PIXELS},
    )


def _config(tokenizer: Qwen2Tokenizer, layers: int) -> Qwen3VLConfig:
    ids: Any = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    return Qwen3VLConfig(
        text_config={
            "vocab_size": 64 * (-(-len(tokenizer) // 64)),
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_hidden_layers": layers,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 32,
            "max_position_embeddings": 8192,
            "initializer_range": 0.2,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 5e6,
                "mrope_section": [6, 5, 5],
                "mrope_interleaved": True,
            },
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 2,
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_heads": 2,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": WIDTH,
            "num_position_embeddings": 256,
            "deepstack_visual_indexes": [0, 1],
            "initializer_range": 0.1,
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=False,
    )
