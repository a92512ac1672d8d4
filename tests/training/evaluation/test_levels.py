"""Is the model asked for levels where and as it should be?"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from services.checkpoints import CheckpointError
from services.qwen3vl import Preprocessor
from training.evaluation.examples import Examples
from training.evaluation.levels import LINES, read_answer, read_rows
from training.evaluation.losses import LEVELS
from training.evaluation.tables import read_scores


def test_levels_are_asked_for_at_the_ends_of_the_lines(base: Path):
    tokenizer: Any = AutoTokenizer.from_pretrained(base, local_files_only=True)
    answer = read_answer(base)
    assert tokenizer.decode(answer.ids) == "".join(LINES)
    for end, text in zip(answer.ends, ("".join(LINES[: i + 1]) for i in range(3)), strict=True):
        assert tokenizer.decode(answer.ids[: end + 1]) == text
    for word, level in zip(answer.words, LEVELS, strict=True):
        assert level.startswith(tokenizer.decode([word]))
    assert len(set(answer.words)) == 5


def test_the_rows_are_those_of_the_lm_head_and_of_the_embeddings_where_they_are_tied(
    base: Path, tmp_path: Path
):
    tensors = load_file(base / "model.safetensors")
    assert torch.equal(read_rows(base, (3, 7)), tensors["lm_head.weight"][[3, 7]].float())
    del tensors["lm_head.weight"]
    save_file(tensors, tmp_path / "model.safetensors")
    embeddings = tensors["model.language_model.embed_tokens.weight"]
    assert torch.equal(read_rows(tmp_path, (3, 7)), embeddings[[3, 7]].float())


def test_the_rows_are_found_in_a_model_of_several_files(base: Path, tmp_path: Path):
    tensors = load_file(base / "model.safetensors")
    head = {"lm_head.weight": tensors.pop("lm_head.weight")}
    save_file(tensors, tmp_path / "a.safetensors")
    save_file(head, tmp_path / "b.safetensors")
    index = {**dict.fromkeys(tensors, "a.safetensors"), "lm_head.weight": "b.safetensors"}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert torch.equal(read_rows(tmp_path, (0,)), head["lm_head.weight"][:1].float())


def test_a_base_without_an_lm_head_is_refused(tmp_path: Path):
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="holds no LM head"):
        read_rows(tmp_path, (0,))
    with pytest.raises(CheckpointError, match=r"no readable model.safetensors"):
        read_rows(tmp_path / "nowhere", (0,))


def test_states_are_read_at_the_answer_or_at_the_last_token_of_the_question(base: Path, edits: Path):
    preprocessor, answer = Preprocessor(base), read_answer(base)
    rows = read_scores(edits / "train.csv")[:2]  # of two sizes, so that one is padded
    asked = Examples(rows, preprocessor, answer)
    portion = asked.collate([asked[0], asked[1]])
    assert portion.targets.shape == (2, 3)
    for row, length in enumerate(portion.batch.lengths):
        tail = portion.batch.input_ids[row, length - len(answer.ids) : length]
        assert torch.equal(tail, answer.ids)
        assert portion.places[row].tolist() == [length - len(answer.ids) + end for end in answer.ends]
    plain = Examples(rows, preprocessor, None)
    portion = plain.collate([plain[0], plain[1]])
    assert portion.places[:, 0].tolist() == [length - 1 for length in portion.batch.lengths]
    assert len(set(portion.batch.lengths)) == 2
