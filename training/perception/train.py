"""How is the 8B detector trained? LoRA and decoder on labelled edits, judged and stopped by CC.

    python -m training.perception.train --config FILE [--resume] [--stop-after STEPS]
    python -m torch.distributed.run --nproc_per_node 4 -m training.perception.train --config FILE

Departures from the paper's release: the loss of `losses.py`, gradients that are shared between processes,
judgement on validation edits with early stopping, weights and statistics of the decoder in float32, and a
last short step of an epoch that counts. Settings are those of `qwen3vl_8b.toml`.

The output directory holds `best` and `last` (adapter and decoder in the published layout, which the service
loads as they are), `state-<step>` (to resume from), `training.csv`, `validation.csv` and, where TensorBoard
is installed, `tensorboard`.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, set_seed
from torch import Tensor, nn

from bench.saliency import METRICS
from training import states
from training.command import accelerated, run_recipe
from training.perception.config import Config, read_config
from training.perception.examples import Examples, Portion, open_source
from training.perception.losses import LossWeights, saliency_loss
from training.perception.model import build, write
from training.perception.validate import judge
from training.trainer import Course, Outcome, Trainer

__all__ = ["train"]

TERMS = ("loss", "l1", "bce", "kld")
JUDGED = (*METRICS, *(f"{name}_pairs" for name in METRICS))


def train(config: Config, *, resume: bool = False, stop_after: int | None = None) -> Outcome:
    """Train to the end, to an early stop, or for `stop_after` steps of this call."""
    accelerator = accelerated(config.device, config.model.precision)
    begun = states.latest(config.output) is not None
    states.check_begun(config.output, begun=begun, resume=resume)
    return DetectorTrainer(config, accelerator).run(resume=resume, stop_after=stop_after)


class DetectorTrainer(Trainer[Portion]):
    """One process of a training."""

    def __init__(self, config: Config, accelerator: Accelerator) -> None:
        self._config = config
        kind, seed = config.model.kind, config.schedule.seed
        learnt = open_source(config.data.train, "train", kind)
        judged = open_source(config.data.validation, "validation", kind)
        set_seed(seed)  # alike in all processes: they start from one adapter and one decoder
        self._model, preprocessor = build(config.model, str(accelerator.device))
        self._validation = Examples(judged, preprocessor, kind)
        if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
            # One picture is a poor sample for the statistics of the decoder; one per process is a better one.
            nn.SyncBatchNorm.convert_sync_batchnorm(self._model.decoder)  # in place
        self._weights = LossWeights(config.loss.alpha, config.loss.beta)
        course = Course(
            name=kind,
            output=config.output,
            digest=config.digest(),
            pace=config.schedule,
            optimizer=config.optimizer,
            learning_rate=config.optimizer.learning_rate,
            floor=config.optimizer.floor,
            warmup=0.0,
            seed=seed,
            workers=config.data.workers,
            terms=TERMS,
            figures=JUDGED,
            merit="cc",
            meritless="no validation edit has a CC: is any of their labels more than an empty map?",
        )
        super().__init__(course, self._model, self._model, Examples(learnt, preprocessor, kind), accelerator)
        set_seed(seed, device_specific=True)  # each process drops out channels of its own

    def lost(self, model: nn.Module, portion: Portion) -> Tensor:
        """(4,): loss, L1, BCE and KLD, means over the edits of one pass."""
        shown = portion.to(self._accelerator.device)
        rows = []
        for logits, label in zip(model(shown.batch), shown.labels, strict=True):
            terms = saliency_loss(logits, label, self._weights)
            rows.append(torch.stack([terms.total, terms.l1, terms.bce, terms.kld]))
        return torch.stack(rows).mean(dim=0)

    def judged(self) -> Mapping[str, float]:
        """The metrics on the validation edits."""
        if self._accelerator.num_processes > 1:
            for statistic in self._model.decoder.buffers():
                statistic.copy_(broadcast(statistic))  # each process has gathered its own
        return judge(self._model, self._validation, self._config, self._accelerator)

    def write(self, directory: Path) -> None:
        """Adapter and decoder in the published layout."""
        settings = self._config.model
        write(directory, self._model, settings.kind, settings.base)


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    return run_recipe(
        __doc__,
        lambda path, resume, stop_after: [train(read_config(path), resume=resume, stop_after=stop_after)],
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
