"""Which tensors are in a file, and are they those that belong there? Nothing is guessed or run."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from services.checkpoints.errors import CheckpointError, first_line
from services.checkpoints.files import read_json

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_NAMED = 3  # tensors that a message names before it counts


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a small file, by name."""
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}.")
    if path.suffix == ".safetensors":
        return dict(each_tensor(path))
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or forbidden archive makes the reader raise
        raise CheckpointError(f"{path} is damaged or no file of tensors: {first_line(error)}") from error
    if not isinstance(state, Mapping) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise CheckpointError(f"{path} holds something else than named tensors.")
    return dict(state)


def each_tensor(path: Path) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a safetensors file one after the other, so that a large file is never held twice."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            # The reader is compiled and has no annotations.
            names: list[str] = list(file.keys())
            for name in names:
                yield name, file.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged or no file of tensors: {first_line(error)}") from error


def shards(directory: Path) -> list[Path]:
    """The files of a whole model: one, or those that its index names."""
    if not (directory / INDEX).is_file():
        if not (directory / SINGLE).is_file():
            raise CheckpointError(f"{directory} holds no model: neither {SINGLE} nor {INDEX}.")
        return [directory / SINGLE]
    index = read_json(directory / INDEX).get("weight_map")
    names: set[object] = set(index.values()) if isinstance(index, dict) else set()
    found: list[Path] = []
    for name in sorted(map(str, names)):
        path = directory / name
        if path.name != name or not path.is_file():
            raise CheckpointError(f"{directory / INDEX} names {name!r}, and {directory} holds no such file.")
        found.append(path)
    if not found:
        raise CheckpointError(f"{directory / INDEX} names no files.")
    return found


def check_names(where: str, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are missing, unknown or of another shape, by name."""
    misshapen = [
        f"{name} is {_shape(found[name])} and should be {_shape(tensor)}"
        for name, tensor in wanted.items()
        if name in found and found[name].shape != tensor.shape
    ]
    refuse_misfits(where, wanted.keys() - found.keys(), found.keys() - wanted.keys(), misshapen)


def refuse_misfits(
    where: str, missing: Iterable[str], unexpected: Iterable[str], misshapen: Iterable[str] = ()
) -> None:
    """An error that counts and names the tensors, where there are any."""
    wrongs = {
        "missing": sorted(missing),
        "not known": sorted(unexpected),
        "of the wrong shape": list(misshapen),
    }
    parts = [
        f"{len(names)} {'tensor is' if len(names) == 1 else 'tensors are'} {wrong} "
        f"({', '.join(names[:_NAMED])}{', ...' if len(names) > _NAMED else ''})"
        for wrong, names in wrongs.items()
        if names
    ]
    if parts:
        raise CheckpointError(f"{where} does not fit: {'; '.join(parts)}.")


def check_finite(where: str, state: Mapping[str, Tensor]) -> None:
    """Refuse tensors with values that are no numbers: every answer would be none."""
    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{where}: {name} holds values that are no finite numbers.")


def check_effect(where: str, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Refuse an adapter, as the factors A and B of its changes, that leaves its model as it is.

    A fresh adapter does, by factors B of zeros: what its base says would pass for what it learned.
    """
    if not any(bool(a.any()) and bool(b.any()) for a, b in pairs):
        raise CheckpointError(
            f"{where} changes nothing: in every pair of its LoRA tensors A or B is all zero, as in an "
            "adapter that was never trained. Its answers would be those of the base model."
        )


def contiguous(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors in the form that files take."""
    return {key: tensor.detach().cpu().contiguous() for key, tensor in state.items()}


def _shape(tensor: Tensor) -> str:
    return "x".join(str(side) for side in tensor.shape) or "scalar"
