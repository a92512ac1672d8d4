"""Ways to spoil a checkpoint."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

Spoil = Callable[[Path], object]
State = dict[str, torch.Tensor]


def removed(name: str) -> Spoil:
    return lambda directory: (directory / name).unlink()


def cut(name: str, share: float) -> Spoil:
    def spoil(directory: Path) -> None:
        content = (directory / name).read_bytes()
        (directory / name).write_bytes(content[: int(share * len(content))])

    return spoil


def written(name: str, content: bytes) -> Spoil:
    return lambda directory: (directory / name).write_bytes(content)


def settings(name: str, **changes: object) -> Spoil:
    def spoil(directory: Path) -> None:
        path = directory / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return spoil


def without(name: str, field: str) -> Spoil:
    def spoil(directory: Path) -> None:
        path = directory / name
        content = json.loads(path.read_text())
        del content[field]
        path.write_text(json.dumps(content))

    return spoil


def section(name: str, part: str, **changes: object) -> Spoil:
    """`settings` for an object inside them."""

    def spoil(directory: Path) -> None:
        inside = json.loads((directory / name).read_text())[part]
        settings(name, **{part: {**inside, **changes}})(directory)

    return spoil


def tensors(name: str, change: Callable[[State], object]) -> Spoil:
    def spoil(directory: Path) -> None:
        path = directory / name
        is_safe = path.suffix == ".safetensors"
        state = load_file(path) if is_safe else dict(torch.load(path, weights_only=True))
        change(state)
        if is_safe:
            save_file(state, path, metadata={"format": "pt"})
        else:
            torch.save(state, path)

    return spoil


def zeroed(part: str) -> Callable[[State], None]:
    """Zero in every tensor whose name contains the part."""

    def change(state: State) -> None:
        for name in [name for name in state if part in name]:
            state[name] = torch.zeros_like(state[name])

    return change
