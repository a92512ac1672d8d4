"""What does a checkpoint of the published detector look like? A random one, tiny, in the same layout.

python -m training.perception.tiny_checkpoint OUT [--seed 0]

Writes OUT/base (Qwen3-VL with its LM head, bf16), OUT/artifact and OUT/failure (adapter, decoder as
`sal_head.pth`, processor files). 28 narrow layers, so that layer 26 is there; tests and dry runs of the
training load it through the same code as the eight billion. What it answers means nothing.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen2Tokenizer, Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLModel
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from services.perception.agent import Sample
from services.perception.backends.qwen3vl import (
    KINDS,
    DecoderShape,
    FeatureReader,
    Kind,
    Preprocessor,
    SaliencyDecoder,
    attach_new,
    copy_processor,
    lora,
    prompt,
    save_adapter,
)

WIDTH = 32
LAYERS = 28
VOCABULARY = 640
SMALLEST_PIXELS = 32 * 32
LARGEST_PIXELS = 448 * 448  # tests stay quick whatever they show; the published processor has no such cap
SHAPE = DecoderShape(features=WIDTH, width=32, hidden=64, stages=(16, 12, 8))
RANK_AND_ALPHA: dict[Kind, tuple[int, int]] = {"artifact": (4, 2), "failure": (2, 4)}
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


def write(out: Path, *, seed: int = 0) -> None:
    """Write the three directories."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        base = out / "base"
        tokenizer = _tokenizer()
        # The library's annotations are narrower than what it takes, here and below.
        model: Any = Qwen3VLForConditionalGeneration(_config(tokenizer))
        model.to(torch.bfloat16)
        model.save_pretrained(base)
        tokenizer.save_pretrained(base)
        _picture_settings().save_pretrained(base)
        adapted: Qwen3VLModel | PeftModel = model.model
        for kind in KINDS:
            adapted = _write_kind(out / kind, kind, base, adapted)


def _write_kind(directory: Path, kind: Kind, processor: Path, model: Qwen3VLModel | PeftModel) -> PeftModel:
    rank, alpha = RANK_AND_ALPHA[kind]
    config = lora(rank, alpha)
    adapted = attach_new(model, kind, config, float32=True)
    config.base_model_name_or_path = AUTHORS_BASE
    for name, parameter in adapted.named_parameters():
        if f".lora_B.{kind}." in name:  # a fresh adapter is zero and would change nothing
            torch.nn.init.normal_(parameter, std=0.5)
    save_adapter(directory, adapted, kind)
    decoder = _decoder(adapted, kind, Preprocessor(processor))
    torch.save(decoder.to(torch.bfloat16).state_dict(), directory / "sal_head.pth")
    copy_processor(processor, directory)
    return adapted


def _decoder(adapted: PeftModel, kind: Kind, preprocessor: Preprocessor) -> SaliencyDecoder:
    """Random, and lively enough that maps span much of 0..1 and depend on what is attended to."""
    decoder = SaliencyDecoder(SHAPE).eval()
    torch.nn.init.normal_(decoder.attn.in_proj_weight, std=0.1)
    torch.nn.init.normal_(decoder.saliency_head.weight, std=0.3)
    picture = torch.randint(0, 256, (96, 128, 3), dtype=torch.uint8).numpy()
    edit = preprocessor.encode(Sample(picture, 255 - picture, "Make the cup blue"), kind)
    adapted.set_adapter(kind)
    with torch.no_grad():
        seen = FeatureReader(adapted.get_base_model()).read(preprocessor.collate([edit]))[0]
        for layer in decoder.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.train()
                layer.momentum = 1.0  # the statistics of this one picture
        decoder(seen.tokens.float(), seen.grid, seen.context.float())
    return decoder


def _tokenizer() -> Qwen2Tokenizer:
    """Byte-level BPE like Qwen's, learned from the two prompts."""
    raw = Tokenizer(models.BPE())
    raw.normalizer = normalizers.NFC()
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL),
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator([prompt(kind, "Make the cup blue") for kind in KINDS] * 2, trainer)
    learned = json.loads(raw.to_str())["model"]
    build: Any = Qwen2Tokenizer
    tokenizer = build(
        vocab=learned["vocab"],
        merges=[tuple(pair) for pair in learned["merges"]],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token=None,
        additional_special_tokens=list(SPECIAL),
        model_max_length=32_768,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _picture_settings() -> Qwen2VLImageProcessorPil:
    return Qwen2VLImageProcessorPil(
        patch_size=16,
        temporal_patch_size=2,
        merge_size=2,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        size={"shortest_edge": SMALLEST_PIXELS, "longest_edge": LARGEST_PIXELS},
    )


def _config(tokenizer: Qwen2Tokenizer) -> Qwen3VLConfig:
    ids: Any = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    return Qwen3VLConfig(
        text_config={
            "vocab_size": 64 * (-(-len(tokenizer) // 64)),
            "hidden_size": WIDTH,
            "intermediate_size": 2 * WIDTH,
            "num_hidden_layers": LAYERS,
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


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, help="directory to write")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    write(asked.out, seed=asked.seed)


if __name__ == "__main__":
    main()
