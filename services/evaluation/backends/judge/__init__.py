"""What does a general vision-language model think of an edit? Any server of the chat-completions protocol."""

from services.evaluation.backends.judge.errors import (
    JudgeRefusedError,
    JudgeSetupError,
    JudgeUnavailableError,
    UnreadableJudgementError,
)
from services.evaluation.backends.judge.options import JudgeOptions
from services.evaluation.backends.judge.scorer import JudgeScorer

__all__ = [
    "JudgeOptions",
    "JudgeRefusedError",
    "JudgeScorer",
    "JudgeSetupError",
    "JudgeUnavailableError",
    "UnreadableJudgementError",
]
