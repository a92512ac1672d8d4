"""What does the published EditHF scorer say? InternVL3_5-8B with two adapters and a head for each aspect."""

from services.evaluation.backends.internvl.errors import NoScoreError, NotAcknowledgedError
from services.evaluation.backends.internvl.options import InternVLOptions
from services.evaluation.backends.internvl.scorer import WARNINGS, InternVLScorer, RawScores

__all__ = [
    "WARNINGS",
    "InternVLOptions",
    "InternVLScorer",
    "NoScoreError",
    "NotAcknowledgedError",
    "RawScores",
]
