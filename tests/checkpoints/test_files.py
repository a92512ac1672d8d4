"""What files of a checkpoint say is read or refused by name, and never run."""

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from services.checkpoints import (
    CheckpointError,
    HeadFile,
    check_effect,
    check_finite,
    check_names,
    contiguous,
    file_digests,
    is_weights,
    read_json,
    read_tensors,
    shards,
)

STATE = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)}
HEAD = HeadFile(stem="small_head", called="small head")


@pytest.mark.parametrize("name", ["x.safetensors", "x.pth"])
def test_tensors_come_back_as_they_were_written(tmp_path: Path, name: str) -> None:
    write = save_file if name.endswith(".safetensors") else torch.save
    write(STATE, tmp_path / name)

    found = read_tensors(tmp_path / name)

    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[key], STATE[key]) for key in STATE)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.safetensors", None, r"There is no file .*x\.safetensors"),
        ("x.safetensors", b"<!DOCTYPE html>", r"x\.safetensors is damaged or no file of tensors"),
        ("x.pth", None, r"There is no file .*x\.pth"),
        ("x.pth", b"", r"x\.pth is damaged or no file of tensors"),
    ],
)
def test_a_file_without_tensors_is_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(CheckpointError, match=message):
        read_tensors(tmp_path / name)


def test_an_archive_that_would_run_something_is_refused(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Sly:
        def __reduce__(self):
            return Path.touch, (ran,)

    torch.save({"a": Sly()}, tmp_path / "x.pth")

    with pytest.raises(CheckpointError, match="damaged or no file of tensors"):
        read_tensors(tmp_path / "x.pth")
    assert not ran.exists()


def test_something_else_than_named_tensors_is_refused(tmp_path: Path) -> None:
    torch.save([torch.ones(1)], tmp_path / "x.pth")

    with pytest.raises(CheckpointError, match="holds something else than named tensors"):
        read_tensors(tmp_path / "x.pth")


def test_tensors_that_do_not_fit_are_counted_and_named() -> None:
    found = {"a.weight": torch.ones(3, 2), **{f"b{n}": torch.ones(1) for n in range(5)}}

    with pytest.raises(CheckpointError) as refused:
        check_names("x", STATE, found)

    assert str(refused.value) == (
        "x does not fit: 1 tensor is missing (a.bias); 5 tensors are not known (b0, b1, b2, ...); "
        "1 tensor is of the wrong shape (a.weight is 3x2 and should be 2x3)."
    )
    check_names("x", STATE, dict(STATE))


def test_values_that_are_no_numbers_are_refused() -> None:
    check_finite("x", STATE)

    with pytest.raises(CheckpointError, match=r"x: a\.bias holds values that are no finite numbers"):
        check_finite("x", {**STATE, "a.bias": torch.tensor([1.0, torch.inf])})


def test_an_adapter_has_an_effect_once_both_factors_of_one_change_have_one() -> None:
    one, zero = torch.ones(2, 2), torch.zeros(2, 2)
    check_effect("x", [(one, zero), (one, one)])

    for inert in ([], [(one, zero)], [(zero, one), (one, zero)]):
        with pytest.raises(CheckpointError, match="x changes nothing"):
            check_effect("x", inert)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no file"),
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[]", "no.* JSON object"),
    ],
)
def test_what_is_no_json_object_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CheckpointError, match=message):
        read_json(path)


def test_digests_are_of_files_that_decide_about_an_answer(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.pth", "c.json", "d.jinja", "e.txt", "README.md", "code.py"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder.json").mkdir()

    found = file_digests(tmp_path)

    assert found == {
        name: hashlib.sha256(name.encode()).hexdigest()
        for name in ("a.safetensors", "b.pth", "c.json", "d.jinja", "e.txt")
    }
    assert [name for name in found if is_weights(name)] == ["a.safetensors", "b.pth"]


def test_shards_are_those_of_the_index_and_lie_in_the_directory(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no model"):
        shards(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert shards(tmp_path) == [tmp_path / "model.safetensors"]

    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"x": "../model.safetensors"}}')

    with pytest.raises(CheckpointError, match=r"names '\.\./model\.safetensors'"):
        shards(tmp_path)


def test_a_head_is_saved_and_found_again_and_two_are_one_too_many(tmp_path: Path) -> None:
    layer = nn.Linear(3, 2)
    HEAD.save(tmp_path, layer)

    found = HEAD.load(HEAD.find(tmp_path), lambda state: nn.Linear(state["weight"].shape[1], 2))

    assert torch.equal(found.weight, layer.weight)
    assert not found.training
    assert not found.weight.requires_grad
    torch.save(contiguous(layer.state_dict()), tmp_path / "small_head.pth")
    with pytest.raises(CheckpointError, match="must hold one small head; it has both of"):
        HEAD.find(tmp_path)
    with pytest.raises(CheckpointError, match="must hold one small head; it has none of"):
        HEAD.find(tmp_path.parent)


def test_a_state_of_no_such_head_is_refused(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "small_head.safetensors")

    def build(state):
        return nn.Linear(state["weight"].shape[1], 2)

    with pytest.raises(CheckpointError, match="is not a small head: it has no tensor 'weight'"):
        HEAD.load(HEAD.find(tmp_path), build)
