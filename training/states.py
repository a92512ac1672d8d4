"""Where was a training when it stopped? Everything that its next step depends on, as safetensors and JSON.

A state is a folder `state-<step>`: what learns and what else changes, the moments of AdamW, the random
generators of every process, and the counters. No object is unpickled when it is read; the learning rate is a
function of the step and needs no state. accelerate's own `save_state` is not used: it keeps optimizer and
generators as pickles.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import torch
from accelerate import Accelerator
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

__all__ = ["Learner", "Progress", "StateError", "check_begun", "latest", "restore", "save", "step_of"]

MOMENTS = ("exp_avg", "exp_avg_sq", "step")
WEIGHTS, OPTIMIZER, PROGRESS = "weights.safetensors", "optimizer.safetensors", "progress.json"


class StateError(ValueError):
    """There is no state to resume from, or it belongs to another run."""


class Learner(Protocol):
    """What is trained."""

    def trained(self) -> Mapping[str, nn.Parameter]:
        """Name -> parameter of everything that learns, in a fixed order."""
        ...

    def changing(self) -> Mapping[str, Tensor]:
        """Name -> tensor of everything that differs between two moments; they are written in place."""
        ...


@dataclass(frozen=True)
class Progress:
    """How far a training is."""

    step: int = 0
    """Optimizer steps taken."""
    best: float | None = None
    """Merit of the best judgement so far, the higher the better; None before the first."""
    best_step: int = 0
    stale: int = 0
    """Judgements since then."""

    def judged(self, merit: float) -> "Progress":
        """After a judgement."""
        if self.best is None or merit > self.best:
            return replace(self, best=merit, best_step=self.step, stale=0)
        return replace(self, stale=self.stale + 1)


def save(
    output: Path,
    progress: Progress,
    learner: Learner,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    digest: str,
) -> None:
    """Keep a state and drop the older ones; every process calls it."""
    folder = output / f"state-{progress.step:07d}"
    partial = folder.with_name("state.partial")
    if accelerator.is_main_process:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_file(_flat(learner.changing()), partial / WEIGHTS)
        save_file(_moments(learner, optimizer), partial / OPTIMIZER)
        counters = {**asdict(progress), "digest": digest, "processes": accelerator.num_processes}
        (partial / PROGRESS).write_text(json.dumps(counters, indent=1), encoding="utf-8")
    accelerator.wait_for_everyone()
    save_file(_generators(), partial / f"random-{accelerator.process_index}.safetensors")
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)  # noqa: PTH105 — the one call whose name says that it is atomic
        for older in _folders(output)[:-1]:
            shutil.rmtree(older)


def latest(output: Path) -> Path | None:
    """The newest state of a run; None where there is none."""
    folders = _folders(output)
    return folders[-1] if folders else None


def check_begun(output: Path, *, begun: bool, resume: bool) -> None:
    """Refuse to write over a training, and to go on with one that was never begun."""
    if begun and not resume:
        raise StateError(f"{output} holds a training already: resume it, or name another output")
    if resume and not begun:
        raise StateError(f"{output} holds no state to resume from")


def step_of(state: Path | None) -> int:
    """The steps that were taken when a state was kept; 0 without one."""
    return 0 if state is None else int(state.name.removeprefix("state-"))


def restore(
    output: Path,
    learner: Learner,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    digest: str,
) -> Progress:
    """Put learner, optimizer and generators back to the newest state; its counters."""
    folder = latest(output)
    if folder is None:
        raise StateError(f"{output} holds no state to resume from")
    try:
        counters = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS)
        moments = load_file(folder / OPTIMIZER)
        generators = load_file(folder / f"random-{accelerator.process_index}.safetensors")
        if counters.pop("digest") != digest:
            raise StateError(f"{folder} was saved under other settings; resume with the same, or start anew")
        if counters.pop("processes") != accelerator.num_processes:
            raise StateError(f"{folder} was saved by another number of processes")
        progress = Progress(**counters)
    except (OSError, SafetensorError, json.JSONDecodeError, KeyError, TypeError) as exc:
        raise StateError(f"{folder} is damaged: {exc}") from exc
    _put_weights(folder, learner, weights)
    _put_moments(learner, optimizer, moments)
    _put_generators(generators)
    return progress


def _folders(output: Path) -> list[Path]:
    return sorted(path for path in output.glob("state-*") if path.is_dir())


def _flat(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _put_weights(folder: Path, learner: Learner, weights: Mapping[str, Tensor]) -> None:
    places = learner.changing()
    if places.keys() != weights.keys():
        raise StateError(f"{folder} holds other tensors than this model trains")
    with torch.no_grad():
        for name, place in places.items():
            place.copy_(weights[name])


def _moments(learner: Learner, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """`<parameter>:<moment>` -> tensor."""
    found: dict[str, Tensor] = {}
    for name, parameter in learner.trained().items():
        for moment in MOMENTS:
            if parameter in optimizer.state:
                found[f"{name}:{moment}"] = optimizer.state[parameter][moment]
    return _flat(found)


def _put_moments(learner: Learner, optimizer: torch.optim.Optimizer, moments: Mapping[str, Tensor]) -> None:
    state = {
        index: {moment: moments[f"{name}:{moment}"] for moment in MOMENTS}
        for index, name in enumerate(learner.trained())
        if f"{name}:step" in moments
    }
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _generators() -> dict[str, Tensor]:
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _put_generators(states: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
