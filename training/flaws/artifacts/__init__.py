"""Which generators paint artifacts, the flaws that make a picture look generated whatever was asked?"""

from training.flaws.artifacts import (
    blurs,
    colors,
    copies,
    letters,
    lights,
    limbs,
    noises,
    seams,
    structure,
    texture,
)
from training.flaws.scene import Generator

__all__ = ["ARTIFACTS"]

ARTIFACTS: tuple[Generator, ...] = (
    *structure.GENERATORS,
    *texture.GENERATORS,
    *blurs.GENERATORS,
    *noises.GENERATORS,
    *seams.GENERATORS,
    *colors.GENERATORS,
    *lights.GENERATORS,
    *letters.GENERATORS,
    *copies.GENERATORS,
    *limbs.GENERATORS,
)
