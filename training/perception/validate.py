"""How good is a detector on labelled edits? Five saliency metrics, on the maps that the service would give.

    python -m training.perception.validate --config FILE --weights DIRECTORY

judges a trained or published checkpoint on the validation edits of a configuration and prints a JSON object.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from bench.saliency import all_metrics, average
from training.command import accelerated
from training.order import shares
from training.perception.config import Config, read_config
from training.perception.examples import Examples, open_source
from training.perception.model import SaliencyModel, load
from training.portions import portions

__all__ = ["judge"]


@torch.no_grad()
def judge(
    model: SaliencyModel, examples: Examples, config: Config, accelerator: Accelerator
) -> dict[str, float]:
    """Each metric's mean over the edits where it is defined, and the number of those.

    Every process judges its share and gets the figures of all. The model is left in the mode it was in.
    """
    count = min(len(examples), config.data.validation_limit or len(examples))
    passes = shares(
        count,
        batch=config.schedule.batch,
        rank=accelerator.process_index,
        processes=accelerator.num_processes,
    )
    was_training = model.training
    model.eval()
    rows: list[dict[str, float]] = []
    for portion in portions(examples, passes, config.data.workers):
        logits = model(portion.to(accelerator.device).batch)
        for each, label in zip(logits, portion.labels, strict=True):
            rows.append(all_metrics(each.float().sigmoid().cpu().numpy(), label.numpy()))
    model.train(was_training)
    return average(gather_object(rows))


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="TOML file of the training")
    parser.add_argument(
        "--weights", type=Path, required=True, help="adapter directory in the published layout"
    )
    options = parser.parse_args(arguments)
    config = read_config(options.config)
    accelerator = accelerated(config.device, config.model.precision)
    model, preprocessor = load(config.model, options.weights, str(accelerator.device))
    accelerator.prepare_model(model, evaluation_mode=True)
    edits = open_source(config.data.validation, "validation", config.model.kind)
    figures = judge(model, Examples(edits, preprocessor, config.model.kind), config, accelerator)
    if accelerator.is_main_process:
        print(json.dumps({"weights": str(options.weights), "kind": config.model.kind, **figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
