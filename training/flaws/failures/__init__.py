"""In which ways does an edit fail? Painters for the eight editing failures of taxonomy v1."""

from training.flaws.failures import drift, geometry, incomplete, leftover, missing, removal, unintended, wrong
from training.flaws.scene import Generator

FAILURES: tuple[Generator, ...] = (
    *missing.GENERATORS,
    *incomplete.GENERATORS,
    *wrong.GENERATORS,
    *unintended.GENERATORS,
    *removal.GENERATORS,
    *geometry.GENERATORS,
    *drift.GENERATORS,
    *leftover.GENERATORS,
)
"""All of them, in the order of the taxonomy; a painter answers None where its failure makes no sense."""
