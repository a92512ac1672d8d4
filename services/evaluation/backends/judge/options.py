"""How is the judge set up? What the service's settings say, in one value."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Reading = Literal["logits", "samples"]
"""The mean under the probabilities of the score tokens, or the mean of several sampled answers."""


@dataclass(frozen=True)
class JudgeOptions:
    """Which model judges, where, and how its answers are read."""

    base_url: str
    """Of the server, such as `http://127.0.0.1:8000/v1`. From the operator, never from a request."""
    model: str
    api_key: str = field(default="", repr=False)
    """Sent as a bearer token; empty sends none."""
    reading: Reading = "logits"
    samples: int = 5
    """Answers per dimension, where they are sampled."""
    seed: int = 0
    """Of the first sample; the others count on."""
    timeout_seconds: float = 60.0
    """Of one question."""
    retries: int = 3
    """Times that a server that is busy or does not answer is asked again."""
    backoff_seconds: float = 0.5
    """Before the first of them; doubled each time, unless the server names a time."""
    concurrency: int = 4
    """Questions on their way at once, of all requests together."""
    max_side: int = 1024
    """Longest side of a picture that is sent, px."""
    calibration: Path | None = None
    """What was measured about this judge; None where nothing was."""
