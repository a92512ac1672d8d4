"""Which edits come when? The order of an epoch, dealt out to processes and cut into steps, from one seed."""

from collections.abc import Sequence

import numpy as np

__all__ = ["epoch_steps", "shares"]

Pass = list[int]
"""Numbers of the edits that go through the model together."""


def epoch_steps(
    count: int, *, seed: int, epoch: int, batch: int, accumulation: int, rank: int = 0, processes: int = 1
) -> list[list[Pass]]:
    """The optimizer steps of one epoch for one process, each a list of passes.

    Every process gets as many passes as the others, so that none waits for gradients that never come: where
    the edits do not come out even, the first of the epoch are shown once more. The last step may be short and
    counts all the same.
    """
    order = np.random.default_rng([seed, epoch]).permutation(count)
    passes: list[Pass] = [order[start : start + batch].tolist() for start in range(0, count, batch)]
    lacking = -len(passes) % processes
    passes += [passes[i % len(passes)] for i in range(lacking)]
    mine = passes[rank::processes]
    return [mine[start : start + accumulation] for start in range(0, len(mine), accumulation)]


def shares(count: int, *, batch: int, rank: int = 0, processes: int = 1) -> Sequence[Pass]:
    """The passes of one process over edits that are judged: each edit once in all, in order."""
    passes = [list(range(start, min(start + batch, count))) for start in range(0, count, batch)]
    return passes[rank::processes]
