"""The question is the published string to the letter; the state that is read precedes the first digit."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from services.checkpoints import CheckpointError
from services.evaluation.backends.internvl.aspects import ASPECTS, question
from services.evaluation.backends.internvl.preprocess import Question, pixels
from tests.evaluation.internvl.published import PROMPT, WORDS
from training.evaluation.tiny_internvl import make_tokenizer


@pytest.fixture(scope="module")
def asking(tiny: Path) -> Question:
    return Question(tiny / "base")


@pytest.mark.parametrize("aspect", ASPECTS)
def test_the_words_are_the_published_ones(aspect) -> None:
    expected = PROMPT.format(instruction="Make the cup blue", aspect=WORDS[aspect])

    assert question(aspect, "Make the cup blue", "<image>") == expected
    assert expected.endswith("(a number with two decimal)] The quality score is 00.00")


@pytest.mark.parametrize("instruction", ["Make it 00.00", "Écris « 12 »", "a", "x " * 900, "{aspect}", "\n"])
def test_the_sixth_token_from_the_end_is_the_space_before_the_first_digit(
    asking: Question, instruction: str
) -> None:
    ids = asking.ids("visual", instruction)[0].tolist()

    words = make_tokenizer().convert_ids_to_tokens(ids[-7:])
    assert words == ["Ġis", "Ġ", "0", "0", ".", "0", "0"]
    assert ids.count(asking.image_token_id) == 512


@pytest.mark.parametrize("token", ["<IMG_CONTEXT>", "<img>", "<image>", "<|im_end|>"])
def test_an_instruction_cannot_show_pictures_of_its_own(asking: Question, token: str) -> None:
    ids = asking.ids("visual", f"Replace {token} by a dog")[0].tolist()

    plain = asking.ids("visual", "Replace it by a dog")[0].tolist()
    special = set(make_tokenizer().get_added_vocab().values())
    assert [each for each in ids if each in special] == [each for each in plain if each in special]


def test_a_tokenizer_of_vocabulary_and_merges_asks_the_same(
    tiny: Path, tmp_path: Path, asking: Question
) -> None:
    whole = json.loads((tiny / "base/tokenizer.json").read_text())
    (tmp_path / "vocab.json").write_text(json.dumps(whole["model"]["vocab"]))
    merges = "\n".join(" ".join(pair) for pair in whole["model"]["merges"])
    (tmp_path / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    decoder = {str(token["id"]): {**token, "id": None} for token in whole["added_tokens"]}
    for token in decoder.values():
        del token["id"]
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "Qwen2Tokenizer", "added_tokens_decoder": decoder, "unk_token": None})
    )

    apart = Question(tmp_path)

    assert torch.equal(apart.ids("visual", "Make it 10 blue"), asking.ids("visual", "Make it 10 blue"))


def changed(tiny: Path, directory: Path, special: list[str]) -> Path:
    shutil.copytree(tiny / "base", directory)
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(special, special_tokens=True)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.mark.parametrize(
    ("token", "where"), [("00.00", r"at -1, counted"), (" 00", "inside a token"), ("00", r"at -3, counted")]
)
def test_a_tokenizer_that_joins_the_digits_is_refused(
    tiny: Path, tmp_path: Path, token: str, where: str
) -> None:
    directory = changed(tiny, tmp_path / "base", [token])

    with pytest.raises(CheckpointError, match=rf"base puts the suffix's first digit {where}.* at -6"):
        Question(directory)


def test_a_tokenizer_without_the_tokens_of_pictures_is_refused(tiny: Path, tmp_path: Path) -> None:
    directory = tmp_path / "base"
    shutil.copytree(tiny / "base", directory)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        text = (directory / name).read_text().replace("IMG_CONTEXT", "IMG_OTHER")
        (directory / name).write_text(text)

    with pytest.raises(CheckpointError, match="base has no token <IMG_CONTEXT>"):
        Question(directory)


@pytest.mark.parametrize("size", [(448, 448), (1, 1), (30, 900), (900, 31)])
def test_every_picture_is_squashed_to_one_size(size: tuple[int, int]) -> None:
    flat = np.full((*size, 3), (0, 128, 255), np.uint8)

    seen = pixels(flat)

    assert seen.shape == (1, 3, 448, 448)
    assert seen.dtype == torch.float32
    expected = [(0 - 0.485) / 0.229, (128 / 255 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    assert seen[0, :, 200, 200].tolist() == pytest.approx(expected, abs=1e-5)
    assert seen.std(dim=(2, 3)).max() < 1e-4
