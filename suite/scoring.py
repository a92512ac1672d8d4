"""How do two runs of `editrefiner score` keep off one file? The second is refused before it scores."""

import argparse

from suite import score
from suite.lock import exclusive_file


def run(options: argparse.Namespace) -> int:
    """`editrefiner score`, with the file of its scores to itself."""
    if options.csv is None or options.out is None:
        return score.run(options)
    with exclusive_file(options.out):
        return score.run(options)
