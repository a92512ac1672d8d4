"""Which words does the detector know? Vectors of WordLlama (MIT) for common words, reduced, as .npz.

python -m training.compact_detector.words [--out services/perception/backends/weights/words.npz]
"""

import argparse
import importlib.util
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from training.flaws.photos import DATA

WIDTH = 32
MIN_LETTERS = 2
OUT = Path("services/perception/backends/weights/words.npz")


def vocabulary(tokenizer: Tokenizer) -> Counter[str]:
    """Words with how often people who instruct editors use them, and every whole word of the tokenizer."""
    counts: Counter[str] = Counter()
    lines = (DATA / "feedback" / "edit_instructions.jsonl").read_text().splitlines()
    for line in lines:
        counts.update(re.findall(r"[a-z]+", json.loads(line)["instruction"].lower()))
    manifest = (DATA / "photos" / "manifest.jsonl").read_text().splitlines()
    for line in manifest:
        counts.update(re.findall(r"[a-z]+", Path(json.loads(line)["file"]).stem.lower()))
    whole = (piece[1:] for piece in tokenizer.get_vocab() if re.fullmatch(r"▁[a-z]{3,}", piece))
    for word in whole:
        counts[word] += 0
    return Counter({word: count for word, count in counts.items() if len(word) >= MIN_LETTERS})


def table(out: Path) -> None:
    """Mean token vector per word, reduced by principal components, with SIF weights (Arora et al. 2017)."""
    spec = importlib.util.find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("wordllama is not installed: pip install wordllama==0.4.0.post1")
    root = Path(next(iter(spec.submodule_search_locations)))
    tokenizer = Tokenizer.from_file(str(root / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    embedding = next(iter(load_file(root / "weights" / "l2_supercat_256.safetensors").values()))
    counts = vocabulary(tokenizer)
    words = sorted(counts)
    vectors = np.stack(
        [
            embedding[tokenizer.encode(word, add_special_tokens=False).ids].astype(np.float32).mean(axis=0)
            for word in words
        ]
    )
    frequency = np.array([counts[word] for word in words], np.float32)
    weights = 1e-3 / (1e-3 + frequency / frequency.sum())
    centered = vectors - np.average(vectors, axis=0, weights=frequency + 0.1)
    covariance = (centered * (frequency + 0.3)[:, None]).T @ centered
    directions = np.linalg.eigh(covariance)[1][:, ::-1][:, :WIDTH]
    reduced = centered @ directions
    reduced /= np.linalg.norm(reduced, axis=1, keepdims=True) + 1e-6
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        out,
        words=np.array("\n".join(words)),
        vectors=reduced.astype(np.float16),
        weights=weights.astype(np.float16),
    )
    print(f"{len(words)} words, {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    table(parser.parse_args().out)
