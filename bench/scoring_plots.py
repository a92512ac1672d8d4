"""What do the compact scorer's calibration and monotonicity look like? Two figures from measured scores.

python -m bench.scoring_plots FILE [--out docs/pictures]

FILE is the JSON of told and true scores that `bench.scoring_synthetic` leaves.
"""

import argparse
from pathlib import Path

from bench.scoring_charts import calibration, monotonicity, saved
from bench.scoring_told import ToldError, read_told


def main() -> None:
    """Draw both, or neither where the file is not as it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="JSON of told and true scores")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    options = parser.parse_args()
    try:
        told = read_told(options.file)
    except ToldError as exc:
        parser.error(str(exc))
    figures = {"scoring_calibration": calibration(told), "scoring_monotonicity": monotonicity(told)}
    options.out.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        print(saved(figure, options.out / f"{name}.png"))


if __name__ == "__main__":
    main()
