"""What does strength mean? How far a parameter goes, and how visible a change of colour or light is."""

import numpy as np

VISIBLE = (6.0, 17.0, 40.0)
"""Mean absolute difference, of 255, that a change of colour or light makes at strength 0, a half and 1."""


def visibility(strength: float) -> float:
    """How much a change of colour, light or texture should differ from the ideal, of 255."""
    return float(np.interp(strength, (0.0, 0.5, 1.0), VISIBLE))


def between(strength: float, weak: float, gross: float) -> float:
    """A parameter that grows (or falls) with strength."""
    return weak + (gross - weak) * float(np.clip(strength, 0, 1))
