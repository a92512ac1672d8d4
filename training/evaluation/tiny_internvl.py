"""What does the published EditHF scorer look like on disk? A random one, tiny, in the same layout.

python -m training.evaluation.tiny_internvl OUT [--seed 0]

Writes OUT/base (InternVL3_5 as its authors publish it: their names, two shards, bf16, a tokenizer), and
OUT/lora_checkpoints_visual, _alignment and _preservation (`vision_lora` and `llm_lora` as PEFT writes them,
`mlp_head.pth`). Tests load it through the same code as the eight billion. What it answers means nothing.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3ForCausalLM

from services.evaluation.backends.internvl.aspects import ASPECTS, Aspect, question
from training.evaluation.published_internvl import PATCH, SIDE, PublishedInternVL, Vision
from training.tiny_checkpoints import byte_tokenizer, write_from_command_line

WIDTH, HEADS, HIDDEN, DEPTH = 32, 2, 64, 2
HEAD_WIDTHS = (WIDTH // 2, 128)
RANK_AND_ALPHA: dict[Aspect, tuple[int, int]] = {
    "visual": (4, 8),
    "alignment": (3, 4),
    "preservation": (2, 4),
}
VISION_TARGETS = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"]
LANGUAGE_TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
AUTHORS_BASE = "/home/author/models/InternVL3_5-8B"  # as published: a path that exists nowhere else
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<img>",
    "</img>",
    "<IMG_CONTEXT>",
    "<quad>",
    "</quad>",
    "<ref>",
    "</ref>",
    "<box>",
    "</box>",
)


def write(out: Path, *, seed: int = 0) -> None:
    """Write the four directories."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        base = out / "base"
        base.mkdir(parents=True)
        tokenizer = make_tokenizer()
        tokenizer.save_pretrained(base)
        _write_base(base, len(tokenizer))
        for aspect in ASPECTS:
            write_aspect(out / f"lora_checkpoints_{aspect}", base, aspect)


def empty_model(base: Path) -> PublishedInternVL:
    """A model of the size that a directory's settings say, with random weights; float32, in eval mode."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    sizes = config["vision_config"]
    vision = Vision(
        width=sizes["hidden_size"],
        heads=sizes["num_attention_heads"],
        hidden=sizes["intermediate_size"],
        depth=sizes["num_hidden_layers"],
    )
    return PublishedInternVL(vision, Qwen3ForCausalLM(Qwen3Config.from_dict(config["llm_config"]))).eval()


def write_aspect(directory: Path, base: Path, aspect: Aspect) -> None:
    """Write random adapters of an aspect, unlike fresh ones with an effect, and a random head."""
    model = empty_model(base)
    rank, alpha = RANK_AND_ALPHA[aspect]
    wrapped = {
        "vision_lora": (model.vision_model, VISION_TARGETS, None),
        "llm_lora": (model.language_model, LANGUAGE_TARGETS, "CAUSAL_LM"),
    }
    for name, (part, targets, task) in wrapped.items():
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, task_type=task)
        # The library is annotated for its own models; it takes any.
        adapted: Any = get_peft_model(part, config)  # pyright: ignore[reportArgumentType]
        for key, parameter in adapted.named_parameters():
            if ".lora_B." in key:  # a fresh adapter is zero and would change nothing
                nn.init.normal_(parameter, std=0.3)
        config.base_model_name_or_path = AUTHORS_BASE
        adapted.save_pretrained(directory / name, save_embedding_layers=False)
    torch.save(_head(), directory / "mlp_head.pth")


def _head() -> dict[str, Tensor]:
    """Lively enough that scores span some of the scale."""
    widths = (WIDTH, *HEAD_WIDTHS, 1)
    state: dict[str, Tensor] = {}
    for layer, (before, after) in zip((0, 2, 4), pairwise(widths), strict=True):
        state[f"mlp.{layer}.weight"] = torch.randn(after, before) * (2 / before) ** 0.5
        state[f"mlp.{layer}.bias"] = torch.zeros(after)
    state["mlp.4.weight"] *= 0.2
    state["mlp.4.bias"] += 0.5
    return state


def _write_base(directory: Path, tokens: int) -> None:
    (directory / "config.json").write_text(json.dumps(_config(tokens), indent=2), encoding="utf-8")
    model = empty_model(directory)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.3)  # far tokens are to move the last state
    state = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()}
    shards = {
        "model-00001-of-00002.safetensors": [
            name for name in state if not name.startswith("language_model.")
        ],
        "model-00002-of-00002.safetensors": [name for name in state if name.startswith("language_model.")],
    }
    for file, names in shards.items():
        save_file({name: state[name] for name in names}, directory / file, metadata={"format": "pt"})
    index = {
        "metadata": {"total_size": sum(tensor.nbytes for tensor in state.values())},
        "weight_map": {name: file for file, names in shards.items() for name in names},
    }
    (directory / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def _config(tokens: int) -> dict[str, object]:
    """The settings that the authors' code reads, under its names."""
    return {
        "architectures": ["InternVLChatModel"],
        "auto_map": {"AutoModel": "modeling_internvl_chat.InternVLChatModel"},
        "downsample_ratio": 0.5,
        "dynamic_image_size": True,
        "force_image_size": SIDE,
        "llm_config": {
            "architectures": ["Qwen3ForCausalLM"],
            "attention_bias": False,
            "head_dim": 16,
            "hidden_act": "silu",
            "hidden_size": WIDTH,
            "intermediate_size": HIDDEN,
            "max_position_embeddings": 40960,
            "model_type": "qwen3",
            "num_attention_heads": HEADS,
            "num_hidden_layers": DEPTH,
            "num_key_value_heads": 1,
            "rms_norm_eps": 1e-6,
            "rope_scaling": None,
            "rope_theta": 1000000,
            "tie_word_embeddings": False,
            "torch_dtype": "bfloat16",
            "use_sliding_window": False,
            "vocab_size": 64 * (-(-tokens // 64)),
        },
        "model_type": "internvl_chat",
        "pad2square": False,
        "ps_version": "v2",
        "select_layer": -1,
        "template": "internvl2_5",
        "torch_dtype": "bfloat16",
        "vision_config": {
            "architectures": ["InternVisionModel"],
            "attention_dropout": 0.0,
            "drop_path_rate": 0.0,
            "dropout": 0.0,
            "hidden_act": "gelu",
            "hidden_size": WIDTH,
            "image_size": SIDE,
            "initializer_factor": 1.0,
            "intermediate_size": HIDDEN,
            "layer_norm_eps": 1e-6,
            "model_type": "intern_vit_6b",
            "norm_type": "layer_norm",
            "num_attention_heads": HEADS,
            "num_channels": 3,
            "num_hidden_layers": DEPTH,
            "patch_size": PATCH,
            "qk_normalization": False,
            "qkv_bias": True,
        },
    }


def make_tokenizer() -> Qwen2Tokenizer:
    """Learned from the questions."""
    questions = [question(aspect, "Make the cup blue", "") for aspect in ASPECTS] * 2
    return byte_tokenizer(questions, SPECIAL)


if __name__ == "__main__":
    write_from_command_line(write, __doc__)
