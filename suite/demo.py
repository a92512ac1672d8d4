"""What can the suite do? It repairs the edit that ships with it."""

import argparse

from suite import refine, samples


def run(options: argparse.Namespace) -> int:
    """`editrefiner demo`: `refine` on the sample."""
    sample = {"source": samples.SOURCE, "edited": samples.EDITED, "instruction": samples.INSTRUCTION}
    return refine.run(argparse.Namespace(**{**vars(options), **sample}))
