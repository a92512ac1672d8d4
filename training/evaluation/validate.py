"""How well does a scorer agree with people? PLCC, SRCC and KRCC of each dimension on a table of rated edits.

    python -m training.evaluation.validate --config FILE --weights DIRECTORY [--table test.csv]

judges a trained or published checkpoint and prints a JSON object. By default the table is that of validation;
this is also the one place that reads a table of the test, for the report and when all is chosen.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from editrefiner.contracts import ProblemError
from training.command import accelerated
from training.evaluation.config import Config, read_config
from training.evaluation.examples import Examples
from training.evaluation.model import build
from training.evaluation.objectives import Memory, ScoreObjective
from training.evaluation.stage import judge
from training.evaluation.tables import RatedRow, read_scores
from training.labelled_files import BadRowsError
from training.recipe_file import ConfigError


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="TOML file of the training")
    parser.add_argument("--weights", type=Path, required=True, help="directory in the published layout")
    parser.add_argument("--table", type=Path, help="scores to judge by; those of validation by default")
    parser.add_argument("--batch", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        config = read_config(options.config)
        rows = _rows(config, options.table)
        accelerator = accelerated(config.device, config.model.precision)
        device = str(accelerator.device)
        model, preprocessor, _ = build(config.model, "scores", options.weights, device)
    except (ConfigError, BadRowsError, ProblemError, OSError) as exc:
        print(exc, file=sys.stderr)
        return 1
    accelerator.prepare_model(model, evaluation_mode=True)
    figures = judge(
        model,
        Examples(rows, preprocessor, None),
        ScoreObjective(Memory(0, device)),
        accelerator,
        batch=options.batch,
        workers=config.data.workers,
    )
    if accelerator.is_main_process:
        shown = {name: None if math.isnan(value) else round(value, 4) for name, value in figures.items()}
        print(json.dumps({"weights": str(options.weights), "edits": len(rows), **shown}))
    return 0


def _rows(config: Config, table: Path | None) -> Sequence[RatedRow]:
    """Those of the table, or of the validation."""
    if table is not None:
        return read_scores(table)
    validation = config.data.validation
    if validation is None:
        raise ConfigError("the configuration has no data.validation: name a table")
    return read_scores(validation.path, validation.root)[: validation.count]


if __name__ == "__main__":
    sys.exit(main())
